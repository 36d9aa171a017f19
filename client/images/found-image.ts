import type { ByteSource } from "../../protocol/zip/seekable-zip.ts";
import type { Picture } from "./picture.ts";

/** A file somewhere: on disk, in a tab, in an archive. */
export interface ImageSource extends ByteSource {
  /** Path for people, relative to what was picked. */
  readonly name: string;
  /** Class of all that is in it, where that is asked for and its folder says so. */
  readonly label?: number;
  /** A file that lies beside it, where labels are asked for: some data sets keep them apart. */
  readonly beside?: FindBeside;
}

/** Finds a file of the same folder by its name. */
export type FindBeside = (name: string) => Promise<ImageSource | undefined>;

/** A file or folder that cannot be read, and why. */
export interface UnreadablePlace {
  readonly name: string;
  readonly problem: string;
}

/** One picture of a file, still encoded or not, with its class where the file says it; or why there is none. */
export type FoundImage =
  | { readonly name: string; readonly bytes: Uint8Array; readonly label?: number }
  | { readonly name: string; readonly picture: Picture; readonly label?: number }
  | UnreadablePlace;

export interface FindOptions {
  /** Whether labels are looked for: for reports on labelled data only. */
  readonly withLabels: boolean;
  /** Whether the file lies in an archive: archives in it are not opened. */
  readonly isWithin?: boolean;
}

/** Finds the pictures of a file: what archives look into their members with. */
export type FindImages = (source: ImageSource, options: FindOptions) => AsyncGenerator<FoundImage>;

/** What a source throws that can be read no more; its message is the reason, for people. */
export class UnreadableError extends Error {
  override readonly name = "UnreadableError";
}

/** Bytes in memory as a file. */
export function memorySource(name: string, bytes: Uint8Array): ImageSource {
  return {
    name,
    size: bytes.length,
    read: (offset, length) => Promise.resolve(bytes.subarray(offset, offset + length)),
  };
}

/**
 * So many bytes, all of them.
 *
 * @throws UnreadableError when the file ends before.
 */
export async function readExactly(
  source: ByteSource,
  offset: number,
  length: number,
): Promise<Uint8Array> {
  const bytes = await source.read(offset, length);
  if (bytes.length === length) return bytes;
  throw new UnreadableError("is cut short; copy or download it again");
}
