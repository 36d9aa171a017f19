import { zipMembers, type ZipMember } from "../../../protocol/zip/seekable-zip.ts";
import { ZipError } from "../../../protocol/zip/zip-error.ts";
import {
  memorySource,
  type FindBeside,
  type FoundImage,
  type ImageSource,
} from "../found-image.ts";
import { isHidden } from "../hidden-names.ts";
import { imagesIn, type FindOptions } from "../images-in.ts";
import { memberLimit, tooLarge } from "./member-limit.ts";

/** More members than any set of images has. */
const MOST_MEMBERS = 1_000_000;

/**
 * The pictures of a zip (or npz, which is one), a member in memory at a time, in the order of its
 * directory. Members that are too large (declared or not), damaged, encrypted or packed in an unknown way
 * come with the reason; folders, dotfiles and macOS's `__MACOSX` are passed over.
 *
 * @throws what the source throws.
 */
export async function* zipImages(
  source: ImageSource,
  options: FindOptions,
  most = MOST_MEMBERS,
): AsyncGenerator<FoundImage> {
  try {
    for await (const member of zipMembers(source, most)) {
      if (member.name.endsWith("/") || isHidden(member.name)) continue;
      const name = `${source.name}/${member.name}`;
      const found = await unpacked(member);
      if (typeof found === "string") yield { name, problem: found };
      else {
        const file = { ...memorySource(name, found), beside: besideIn(source, member.name, most) };
        yield* imagesIn(file, { ...options, isWithin: true });
      }
    }
  } catch (error) {
    if (!(error instanceof ZipError)) throw error;
    yield { name: source.name, problem: problemOf(error, most) };
  }
}

const ENCRYPTED = "the archive's entry is encrypted; pack it again without a password";

/** Finds members of the same folder. */
function besideIn(archive: ImageSource, path: string, most: number): FindBeside {
  const folder = path.slice(0, path.lastIndexOf("/") + 1);
  return async (name) => {
    for await (const member of zipMembers(archive, most)) {
      if (member.name !== folder + name) continue;
      const found = await unpacked(member);
      return typeof found === "string"
        ? undefined
        : memorySource(`${archive.name}/${folder}${name}`, found);
    }
    return undefined;
  };
}

/** Its bytes, or why they are not to be had. */
async function unpacked(member: ZipMember): Promise<Uint8Array | string> {
  const limit = memberLimit(member.name);
  try {
    return await member.read(limit);
  } catch (error) {
    if (!(error instanceof ZipError)) throw error;
    return problemOf(error, limit);
  }
}

/** @param limit of bytes or members, whichever it ran into */
function problemOf({ code, message }: ZipError, limit: number): string {
  switch (code) {
    case "cut-short":
      return "the archive is cut short; copy or download it again";
    case "damaged":
      return "the archive is damaged";
    case "too-many-members":
      return `holds more than ${limit} files`;
    case "too-large":
      return tooLarge(limit);
    case "encrypted":
      return ENCRYPTED;
    case "unknown-method":
      // APPNOTE 4.4.5: stands for AES, whatever the entry was packed with before.
      if (message === "99") return ENCRYPTED;
      return `packed with method ${message}, which is not supported; pack it again with Deflate`;
    case "member-damaged":
      return "the archive's entry is damaged";
  }
}
