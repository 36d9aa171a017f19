import { zipMembers, type ByteSource, type ZipMember } from "../../protocol/zip/seekable-zip.ts";
import { ZipError } from "../../protocol/zip/zip-error.ts";
import { isHidden } from "./hidden-names.ts";

/** One file of an archive: its bytes, or why they are not to be had. */
export type ZipEntry =
  | { readonly name: string; readonly bytes: Uint8Array }
  | { readonly name: string; readonly problem: string };

export interface ZipLimits {
  /** Most bytes one entry may unpack to. */
  readonly entryBytes: number;
  /** Most entries an archive may have. */
  readonly entries: number;
}

export const ZIP_LIMITS: ZipLimits = { entryBytes: 64 * 2 ** 20, entries: 1_000_000 };

/**
 * Unpacks a zip, one entry in memory at a time, in the order of its directory. Entries that are too
 * large (declared or not), damaged, encrypted or packed in an unknown way come out with a `problem`;
 * folders, dotfiles and macOS's `__MACOSX` are passed over.
 *
 * @param archive name for messages, when the archive itself is damaged or cut short.
 * @throws what the source throws.
 *
 * @example
 * for await (const entry of zipEntries(fileBytes("photos.zip", size), "photos.zip")) …
 */
export async function* zipEntries(
  source: ByteSource,
  archive: string,
  limits: ZipLimits = ZIP_LIMITS,
): AsyncGenerator<ZipEntry> {
  try {
    for await (const member of zipMembers(source, limits.entries)) {
      if (!member.name.endsWith("/") && !isHidden(member.name)) yield await unpack(member, limits);
    }
  } catch (error) {
    if (!(error instanceof ZipError)) throw error;
    yield { name: archive, problem: problemOf(error, limits) };
  }
}

async function unpack(member: ZipMember, limits: ZipLimits): Promise<ZipEntry> {
  const { name } = member;
  try {
    return { name, bytes: await member.read(limits.entryBytes) };
  } catch (error) {
    if (!(error instanceof ZipError)) throw error;
    return { name, problem: problemOf(error, limits) };
  }
}

function problemOf({ code, message }: ZipError, { entries, entryBytes }: ZipLimits): string {
  switch (code) {
    case "cut-short":
      return "the archive is cut short; copy or download it again";
    case "damaged":
      return "the archive is damaged";
    case "too-many-members":
      return `holds more than ${entries} files`;
    case "too-large":
      return `unpacks to more than ${Math.floor(entryBytes / 2 ** 20)} MiB`;
    case "encrypted":
      return "the archive's entry is encrypted; pack it again without a password";
    case "unknown-method":
      return `packed with method ${message}, which is not supported; pack it again with Deflate`;
    case "member-damaged":
      return "the archive's entry is damaged";
  }
}
