import { readBytes, type ByteSource } from "../byte-source.ts";
import { crc32 } from "./crc32.ts";
import type { ZipEntry } from "./directory.ts";
import { descriptorCrc, hasChecksum, type EntryPlace, type ZipArchive } from "./zip-archive.ts";

/** Most bytes copied in one step. */
const PIECE_BYTES = 2 ** 20;

/** Other bytes of an entry, as many as it has. They are asked for twice where a checksum stands before. */
export type EntryContent = () => AsyncIterable<Uint8Array>;

/**
 * The archive with other bytes in some entries and their checksums renewed; all else byte for byte. Where
 * entries get the bytes they have, the archive is the same.
 *
 * @throws RangeError when a content is longer or shorter than its entry.
 * @throws ProtocolError `malformed-model` as `ZipArchive.locate`, and what the contents throw.
 */
export async function* rewriteZip(
  archive: ZipArchive,
  contents: ReadonlyMap<ZipEntry, EntryContent>,
): AsyncGenerator<Uint8Array> {
  const { source } = archive;
  /** Checksums beside their data, and in the directory, by position. */
  const beside = new Map<number, number>();
  const listed = new Map<number, number>();
  let at = 0;
  for (const place of await archive.locate(contents.keys())) {
    const { begin, crcAt, end, entry } = place;
    const content = contents.get(entry)!;
    const renews = hasChecksum(entry);
    if (renews && crcAt < begin) beside.set(crcAt, await checksumOf(place, content()));
    yield* copied(source, at, begin, beside);
    let crc = 0;
    for await (const piece of whole(place, content())) {
      crc = crc32(crc, piece);
      yield piece;
    }
    if (renews) listed.set(entry.crcAt, crc);
    if (renews && crcAt >= end) {
      const follows = await readBytes(source, end, Math.min(end + 8, entry.endsBefore));
      beside.set(end + descriptorCrc(entry, follows), crc);
    }
    at = end;
  }
  yield* copied(source, at, source.totalBytes, new Map([...beside, ...listed]));
}

async function checksumOf(place: EntryPlace, content: AsyncIterable<Uint8Array>): Promise<number> {
  let crc = 0;
  for await (const piece of whole(place, content)) crc = crc32(crc, piece);
  return crc;
}

/** A content that must have the entry's length: a byte more would shift all that follows. */
async function* whole({ begin, end, entry }: EntryPlace, content: AsyncIterable<Uint8Array>) {
  let left = end - begin;
  for await (const piece of content) {
    left -= piece.length;
    if (left < 0) throw new RangeError(`more bytes came for '${entry.name}' than it has`);
    yield piece;
  }
  if (left > 0) throw new RangeError(`${left} bytes less came for '${entry.name}' than it has`);
}

/** Bytes [begin, end) of the archive, with checksums where there are new ones, which leave the list. */
async function* copied(
  source: ByteSource,
  begin: number,
  end: number,
  renewed: Map<number, number>,
): AsyncGenerator<Uint8Array> {
  for (let from = begin; from < end; from += PIECE_BYTES) {
    const to = Math.min(end, from + PIECE_BYTES);
    const read = await readBytes(source, from, to);
    const piece = renewed.size === 0 ? read : new Uint8Array(read);
    for (const [at, crc] of renewed) {
      for (let byte = 0; byte < 4; byte++) {
        const position = at + byte;
        if (position >= from && position < to) piece[position - from] = crc >>> (8 * byte);
      }
      if (at + 4 <= to) renewed.delete(at);
    }
    yield piece;
  }
}
