import { zipMembers, type ZipMember } from "../../../protocol/zip/seekable-zip.ts";
import { ZipError } from "../../../protocol/zip/zip-error.ts";
import {
  type FindOptions,
  type FindImages,
  memorySource,
  type FindBeside,
  type FoundImage,
  type ImageSource,
} from "../found-image.ts";
import { isHidden } from "../hidden-names.ts";
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
  imagesIn: FindImages,
  most = MOST_MEMBERS,
): AsyncGenerator<FoundImage> {
  const besideIn = membersBeside(source, most);
  try {
    for await (const member of zipMembers(source, most)) {
      if (member.name.endsWith("/") || isHidden(member.name)) continue;
      const name = `${source.name}/${member.name}`;
      const found = await unpacked(member);
      if (typeof found === "string") yield { name, problem: found };
      else {
        const file = { ...memorySource(name, found), beside: besideIn(member.name) };
        yield* imagesIn(file, { ...options, isWithin: true });
      }
    }
  } catch (error) {
    if (!(error instanceof ZipError)) throw error;
    yield { name: source.name, problem: problemOf(error, most) };
  }
}

const ENCRYPTED = "the archive's entry is encrypted; pack it again without a password";

/**
 * Finds members of a path's folder. The archive is listed once, when the first is asked for, and the last
 * that was found stays in memory: one file of labels may go with many of pictures.
 */
function membersBeside(archive: ImageSource, most: number): (path: string) => FindBeside {
  let listed: Promise<ReadonlyMap<string, ZipMember>> | undefined;
  let kept: { readonly member: ZipMember; readonly file: ImageSource | undefined } | undefined;
  return (path) => {
    const folder = path.slice(0, path.lastIndexOf("/") + 1);
    return async (name) => {
      listed ??= membersByName(archive, most);
      const member = (await listed).get(folder + name);
      if (member === undefined) return undefined;
      if (kept?.member !== member) {
        const found = await unpacked(member);
        const place = `${archive.name}/${folder}${name}`;
        kept = {
          member,
          file: typeof found === "string" ? undefined : memorySource(place, found),
        };
      }
      return kept.file;
    };
  };
}

/** Of members of one name the first. */
async function membersByName(
  archive: ImageSource,
  most: number,
): Promise<ReadonlyMap<string, ZipMember>> {
  const members = new Map<string, ZipMember>();
  for await (const member of zipMembers(archive, most)) {
    if (!members.has(member.name)) members.set(member.name, member);
  }
  return members;
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
