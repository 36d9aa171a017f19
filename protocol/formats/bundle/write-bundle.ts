import { utf8ToBytes } from "@noble/hashes/utils.js";
import { readBytes, type ByteSource } from "../byte-source.ts";
import { crc32 } from "../zip/crc32.ts";
import { CONFIG, PREPROCESSOR } from "./hugging-face.ts";
import { findModel } from "./find-model.ts";
import type { FolderFormat } from "./folder-format.ts";
import { badFolder, openNamed, type Folder } from "./folder.ts";

/** A file to be bundled. */
export interface BundleFile {
  /** Path within the bundle. */
  readonly name: string;
  readonly source: ByteSource;
}

/** Bytes of a bundle: its own, or a file as it lies. */
export type BundlePiece = Uint8Array | BundleFile;

const LOCAL = { signature: 0x0403_4b50, bytes: 30 } as const;
const ENTRY = { signature: 0x0201_4b50, bytes: 46 } as const;
const END = { signature: 0x0605_4b50, bytes: 22 } as const;
const END_64 = { signature: 0x0606_4b50, bytes: 56 } as const;
const LOCATOR_64 = { signature: 0x0706_4b50, bytes: 20 } as const;
/** Version of what is needed to read it: 4.5 where numbers are of 64 bits. */
const VERSION = 45;
/** Names are UTF-8. */
const FLAGS = 0x0800;
/** 1 January 1980, the first that a zip knows: the same files give the same bytes at any time. */
const DATE = 0x0021;
/** What stands in a field of 32 bits whose number is in the extra field. */
const ELSEWHERE = 0xffff_ffff;

/** Bytes read at once. */
const PIECE_BYTES = 2 ** 20;

/**
 * The files of a folder's model, as they go into a bundle: those that belong to it, by their names.
 *
 * @param chosen the file by which it was named, where it was
 * @throws ProtocolError `malformed-model` when there is no model, or a file of it is missing.
 */
export async function filesToBundle(
  folder: Folder,
  formats: readonly FolderFormat[],
  chosen?: string,
): Promise<BundleFile[]> {
  const { format, main } = findModel(formats, folder.names, chosen);
  const beside = [CONFIG, PREPROCESSOR].filter((name) => folder.names.includes(name));
  const names = new Set([...(await format.members(folder, main)), ...beside]);
  const files: BundleFile[] = [];
  for (const name of [...names].sort()) {
    files.push({ name, source: await openNamed(folder, name, main) });
  }
  return files;
}

/**
 * A zip of files as they are, not packed (APPNOTE 6.3.10), piece by piece. Nothing in it but the files'
 * names and bytes has an influence on it, so that the same model has the same digest wherever it is
 * bundled. Each file is read once, for its checksum; ZIP64 where something is 4 GiB or more.
 *
 * @param files in the order in which they are to stand
 * @param checksum of a file's bytes, where others than its own are to take their place
 * @throws ProtocolError `malformed-model` when a file gives fewer bytes than it has.
 */
export async function bundlePieces(
  files: readonly BundleFile[],
  checksum: (file: BundleFile) => number | Promise<number> = ({ source }) =>
    checksumOf(piecesOf(source)),
): Promise<BundlePiece[]> {
  const pieces: BundlePiece[] = [];
  const directory: Uint8Array[] = [];
  let at = 0;
  for (const file of files) {
    const { totalBytes } = file.source;
    const name = utf8ToBytes(file.name);
    if (name.length > 0xffff) throw badFolder(`'${file.name.slice(0, 80)}…' is too long a name`);
    const told = { crc: await checksum(file), name, size: totalBytes };
    const header = localHeader(told);
    pieces.push(header, file);
    directory.push(directoryEntry(told, at));
    at += header.length + totalBytes;
  }
  const bytes = directory.reduce((sum, { length }) => sum + length, 0);
  return [...pieces, ...directory, ...endOf(at, bytes, files.length)];
}

/** The checksum of a zip's entry. */
export async function checksumOf(pieces: AsyncIterable<Uint8Array>): Promise<number> {
  let crc = 0;
  for await (const piece of pieces) crc = crc32(crc, piece);
  return crc;
}

/** A file's bytes, 1 MiB at a time. */
export async function* piecesOf(source: ByteSource): AsyncGenerator<Uint8Array> {
  for (let from = 0; from < source.totalBytes; from += PIECE_BYTES) {
    yield await readBytes(source, from, Math.min(source.totalBytes, from + PIECE_BYTES));
  }
}

interface Told {
  readonly crc: number;
  readonly name: Uint8Array;
  readonly size: number;
}

function localHeader({ crc, name, size }: Told): Uint8Array {
  const long = size >= ELSEWHERE ? longFields([size, size]) : new Uint8Array();
  const [bytes, view] = record(LOCAL, name.length + long.length);
  view.setUint16(4, VERSION, true);
  view.setUint16(6, FLAGS, true);
  view.setUint16(12, DATE, true);
  view.setUint32(14, crc, true);
  view.setUint32(18, Math.min(size, ELSEWHERE), true);
  view.setUint32(22, Math.min(size, ELSEWHERE), true);
  view.setUint16(26, name.length, true);
  view.setUint16(28, long.length, true);
  bytes.set(name, LOCAL.bytes);
  bytes.set(long, LOCAL.bytes + name.length);
  return bytes;
}

function directoryEntry({ crc, name, size }: Told, headerAt: number): Uint8Array {
  const large = [
    ...(size >= ELSEWHERE ? [size, size] : []),
    ...(headerAt >= ELSEWHERE ? [headerAt] : []),
  ];
  const long = large.length === 0 ? new Uint8Array() : longFields(large);
  const [bytes, view] = record(ENTRY, name.length + long.length);
  view.setUint16(4, VERSION, true);
  view.setUint16(6, VERSION, true);
  view.setUint16(8, FLAGS, true);
  view.setUint16(14, DATE, true);
  view.setUint32(16, crc, true);
  view.setUint32(20, Math.min(size, ELSEWHERE), true);
  view.setUint32(24, Math.min(size, ELSEWHERE), true);
  view.setUint16(28, name.length, true);
  view.setUint16(30, long.length, true);
  view.setUint32(42, Math.min(headerAt, ELSEWHERE), true);
  bytes.set(name, ENTRY.bytes);
  bytes.set(long, ENTRY.bytes + name.length);
  return bytes;
}

/** What stands behind the directory. */
function endOf(begin: number, length: number, entries: number): Uint8Array[] {
  const [end, view] = record(END);
  view.setUint16(8, entries, true);
  view.setUint16(10, entries, true);
  view.setUint32(12, length, true);
  view.setUint32(16, Math.min(begin, ELSEWHERE), true);
  if (begin < ELSEWHERE) return [end];
  const [end64, long] = record(END_64);
  setUint64(long, 4, END_64.bytes - 12);
  long.setUint16(12, VERSION, true);
  long.setUint16(14, VERSION, true);
  for (const [offset, value] of [
    [24, entries],
    [32, entries],
    [40, length],
    [48, begin],
  ] as const) {
    setUint64(long, offset, value);
  }
  const [locator, place] = record(LOCATOR_64);
  setUint64(place, 8, begin + length);
  place.setUint32(16, 1, true);
  return [end64, locator, end];
}

/** A record of zeros behind its signature, with room for what has no fixed length. */
function record(
  { bytes: fixed, signature }: { readonly signature: number; readonly bytes: number },
  more = 0,
): [bytes: Uint8Array, view: DataView] {
  const bytes = new Uint8Array(fixed + more);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, signature, true);
  return [bytes, view];
}

/** The ZIP64 extra field (4.5.3). */
function longFields(values: readonly number[]): Uint8Array {
  const bytes = new Uint8Array(4 + 8 * values.length);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, 1, true);
  view.setUint16(2, 8 * values.length, true);
  values.forEach((value, i) => setUint64(view, 4 + 8 * i, value));
  return bytes;
}

function setUint64(view: DataView, at: number, value: number): void {
  view.setUint32(at, value % 2 ** 32, true);
  view.setUint32(at + 4, Math.floor(value / 2 ** 32), true);
}
