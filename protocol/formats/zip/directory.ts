import { ProtocolError } from "../../errors.ts";
import { readBytes, type ByteSource } from "../byte-source.ts";
import { decodeUtf8 } from "../strict-text.ts";

/**
 * The central directory of a zip archive (APPNOTE 6.3.10, sections 4.3.12 to 4.3.16), ZIP64 included:
 * where each entry begins, how long it is, and where its checksum stands.
 */

/** Longest directory that is read: with 65,536 entries, it leaves 256 bytes for each. */
const MAX_DIRECTORY_BYTES = 16 * 2 ** 20;

/** Most entries an archive may have. */
const MAX_ENTRIES = 65_536;

const END = { signature: 0x0605_4b50, bytes: 22, longestComment: 0xffff } as const;
const END_64 = { signature: 0x0606_4b50, bytes: 56 } as const;
const LOCATOR_64 = { signature: 0x0706_4b50, bytes: 20 } as const;
const ENTRY = { signature: 0x0201_4b50, bytes: 46 } as const;

/** Length of a local header without name and extra fields (4.3.7). */
export const LOCAL_HEADER_BYTES = 30;

/** The method of what is not packed (4.4.5). */
export const STORED = 0;

export interface ZipEntry {
  /** Path within the archive. */
  readonly name: string;
  /** Its name as it stands in the archive. */
  readonly nameBytes: Uint8Array;
  /** Bytes it takes in the archive: all that it has, if it is stored. */
  readonly size: number;
  readonly crc: number;
  /** Where in the archive the directory has its checksum. */
  readonly crcAt: number;
  /** Where its local header begins. */
  readonly headerAt: number;
  /** Where the next entry begins, or the directory: it ends before. */
  readonly endsBefore: number;
  /** General purpose flags (4.4.4). */
  readonly flags: number;
  readonly method: number;
}

/** What an archive cannot be, and what to do about it. */
export function badZip(detail: string): ProtocolError {
  return new ProtocolError("malformed-model", `the zip archive ${detail}`);
}

const viewOf = (bytes: Uint8Array): DataView =>
  new DataView(bytes.buffer, bytes.byteOffset, bytes.length);

/** A number of 64 bits that must be exact. */
function getUint64(view: DataView, at: number): number {
  const value = view.getUint32(at + 4, true) * 2 ** 32 + view.getUint32(at, true);
  if (!Number.isSafeInteger(value)) throw badZip("names a place that no file has: it is damaged");
  return value;
}

interface Extent {
  readonly begin: number;
  readonly bytes: number;
  readonly entries: number;
}

/** Where the directory lies, as the end of the archive says. */
function extentOf(tail: Uint8Array, tailAt: number): Extent {
  const view = viewOf(tail);
  const end = endRecord(view);
  if (end === undefined) {
    throw badZip("has no directory at its end: it is cut short, fetch the file again");
  }
  const entries = view.getUint16(end + 10, true);
  const bytes = view.getUint32(end + 12, true);
  const begin = view.getUint32(end + 16, true);
  const locator = end - LOCATOR_64.bytes;
  if (locator < 0 || view.getUint32(locator, true) !== LOCATOR_64.signature) {
    return within({ begin, bytes, entries }, tailAt + end);
  }
  const end64 = getUint64(view, locator + 8) - tailAt;
  // The record stands right before its locator; what it may have of its own data is not read.
  if (end64 < 0 || end64 + END_64.bytes > locator) {
    throw badZip("says that the end of its directory lies where it does not: it is damaged");
  }
  if (view.getUint32(end64, true) !== END_64.signature) {
    throw badZip("has no ZIP64 record where it says that there is one: it is damaged");
  }
  const extent = {
    entries: getUint64(view, end64 + 32),
    bytes: getUint64(view, end64 + 40),
    begin: getUint64(view, end64 + 48),
  };
  return within(extent, tailAt + end64);
}

/**
 * Where the record of the archive's end begins: its comment takes the file to its last byte. A signature
 * behind it, within the comment, is where PyTorch and Python's `zipfile` would find another archive.
 */
function endRecord(view: DataView): number | undefined {
  for (let at = view.byteLength - END.bytes; at >= 0; at--) {
    if (view.getUint32(at, true) !== END.signature) continue;
    if (at + END.bytes + view.getUint16(at + 20, true) === view.byteLength) return at;
    throw badZip(
      "has the signature of an end that is not its end: other programs may find other entries in it. It is cut short or made to deceive, fetch the file again",
    );
  }
  return undefined;
}

function within(extent: Extent, limit: number): Extent {
  const { begin, bytes, entries } = extent;
  if (begin + bytes !== limit) {
    throw badZip(
      `has its directory at bytes ${begin} to ${begin + bytes}, which should end at byte ${limit}: it is damaged, or something stands before it`,
    );
  }
  if (bytes > MAX_DIRECTORY_BYTES || entries > MAX_ENTRIES) {
    throw badZip(
      `has ${entries} entries in a directory of ${bytes} bytes, the limits are ${MAX_ENTRIES} and ${MAX_DIRECTORY_BYTES}`,
    );
  }
  return extent;
}

/**
 * Reads the directory, mostly in one go with the archive's end.
 *
 * @returns entries by where they begin, none of which reaches into another
 * @throws ProtocolError `malformed-model`.
 */
export async function readDirectory(source: ByteSource): Promise<ZipEntry[]> {
  const { totalBytes } = source;
  const tailAt = Math.max(0, totalBytes - END.bytes - END.longestComment);
  const tail = await readBytes(source, tailAt, totalBytes);
  const { begin, bytes, entries: count } = extentOf(tail, tailAt);
  const directory =
    begin >= tailAt
      ? tail.subarray(begin - tailAt, begin - tailAt + bytes)
      : await readBytes(source, begin, begin + bytes);
  const entries: Omit<ZipEntry, "endsBefore">[] = [];
  let at = 0;
  while (entries.length < count) {
    const { entry, next } = parseEntry(directory, at, begin);
    entries.push(entry);
    at = next;
  }
  if (at !== bytes)
    throw badZip(`has ${bytes - at} bytes in its directory that belong to no entry`);
  return withoutOverlaps(entries, begin);
}

function parseEntry(directory: Uint8Array, at: number, directoryAt: number) {
  const cut = badZip(`has a damaged directory: no entry at byte ${directoryAt + at}`);
  const view = viewOf(directory);
  if (at + ENTRY.bytes > directory.length) throw cut;
  if (view.getUint32(at, true) !== ENTRY.signature) throw cut;
  const nameEnd = at + ENTRY.bytes + view.getUint16(at + 28, true);
  const extraEnd = nameEnd + view.getUint16(at + 30, true);
  const next = extraEnd + view.getUint16(at + 32, true);
  if (next > directory.length) throw cut;
  const nameBytes = directory.slice(at + ENTRY.bytes, nameEnd);
  const long = longFields(directory.subarray(nameEnd, extraEnd));
  // In the order in which the extra field has those that are too large (4.5.3): the unpacked size first.
  const field = (offset: number): number => {
    const short = view.getUint32(at + offset, true);
    return short === 0xffff_ffff ? (long.shift() ?? short) : short;
  };
  const unpacked = field(24);
  const size = field(20);
  const method = view.getUint16(at + 10, true);
  if (method === STORED && size !== unpacked) throw cut;
  const headerAt = field(42);
  return {
    next,
    entry: {
      name: nameOf(nameBytes),
      nameBytes,
      size,
      headerAt,
      crc: view.getUint32(at + 16, true),
      crcAt: directoryAt + at + 16,
      flags: view.getUint16(at + 8, true),
      method,
    },
  };
}

/** The numbers of the ZIP64 extra field (4.5.3). */
function longFields(extra: Uint8Array): number[] {
  const view = viewOf(extra);
  for (let at = 0; at + 4 <= extra.length;) {
    const end = at + 4 + view.getUint16(at + 2, true);
    if (view.getUint16(at, true) === 1) {
      const numbers = [];
      for (let from = at + 4; from + 8 <= Math.min(end, extra.length); from += 8) {
        numbers.push(getUint64(view, from));
      }
      return numbers;
    }
    at = end;
  }
  return [];
}

/** UTF-8 whatever the flag says, which tools forget; else byte by byte, so that names differ as bytes do. */
function nameOf(bytes: Uint8Array): string {
  try {
    return decodeUtf8(bytes);
  } catch {
    return Array.from(bytes, (byte) => String.fromCharCode(byte)).join("");
  }
}

function withoutOverlaps(
  entries: readonly Omit<ZipEntry, "endsBefore">[],
  directoryAt: number,
): ZipEntry[] {
  const names = new Set<string>();
  for (const { name } of entries) {
    // Which of the two is meant, other readers decide otherwise; PyTorch's looks names up in any case.
    const anyCase = name.toLowerCase();
    if (names.has(anyCase)) {
      throw badZip(`has two entries '${name}', in whichever case: which one counts is not said`);
    }
    names.add(anyCase);
  }
  const ordered = [...entries].sort((a, b) => a.headerAt - b.headerAt);
  return ordered.map((entry, index) => {
    const endsBefore = ordered[index + 1]?.headerAt ?? directoryAt;
    if (entry.headerAt + LOCAL_HEADER_BYTES + entry.nameBytes.length + entry.size > endsBefore) {
      throw badZip(
        `has an entry '${entry.name}' of ${entry.size} bytes that reaches beyond byte ${endsBefore}, where something else begins: it is damaged`,
      );
    }
    return Object.assign(entry, { endsBefore });
  });
}
