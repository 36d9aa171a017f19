import { concatBytes } from "@noble/hashes/utils.js";
import { crc32 } from "node:zlib";

/** How an archive is written. */
export interface ZipShape {
  /** Checksum and sizes behind the data, as PyTorch has them, or before. */
  readonly descriptors?: boolean;
  /** With ZIP64 records and fields, in archives that do not need them. */
  readonly zip64?: boolean;
  /** Bytes of every local header's extra field, 4 at least if any. */
  readonly padding?: number;
  /** 0 in the place of every checksum. */
  readonly unsummed?: boolean;
  readonly method?: number;
  readonly flags?: number;
  readonly comment?: string;
}

const bytesOf = (...fields: readonly (readonly [width: 2 | 4 | 8, value: number])[]) =>
  concatBytes(
    ...fields.map(([width, value]) => {
      const field = new Uint8Array(8);
      new DataView(field.buffer).setBigUint64(0, BigInt(value), true);
      return field.subarray(0, width);
    }),
  );

/** A zip archive of stored entries, field by field as APPNOTE has it. */
export function makeZip(
  entries: readonly (readonly [name: string, data: Uint8Array])[],
  shape: ZipShape = {},
): Uint8Array {
  const { comment = "", descriptors = false, method = 0, padding = 0, zip64 = false } = shape;
  const flags = (shape.flags ?? 0x800) | (descriptors ? 8 : 0);
  const pieces: Uint8Array[] = [];
  const directory: Uint8Array[] = [];
  let at = 0;
  const add = (...added: Uint8Array[]) => {
    pieces.push(...added);
    for (const { length } of added) at += length;
  };
  for (const [name, data] of entries) {
    const nameBytes = new TextEncoder().encode(name);
    const crc = shape.unsummed ? 0 : crc32(data);
    const size = zip64 ? 0xffff_ffff : data.length;
    const headerAt = at;
    const before = descriptors ? 0 : crc;
    add(
      bytesOf([4, 0x0403_4b50], [2, 20], [2, flags], [2, method], [4, 0], [4, before]),
      bytesOf([4, descriptors ? 0 : data.length], [4, descriptors ? 0 : data.length]),
      bytesOf([2, nameBytes.length], [2, padding]),
      nameBytes,
      ...(padding === 0
        ? []
        : [bytesOf([2, 0x4246], [2, padding - 4]), new Uint8Array(padding - 4)]),
      data,
    );
    if (descriptors) {
      add(bytesOf([4, 0x0807_4b50], [4, crc], [4, data.length], [4, data.length]));
    }
    const extra = zip64
      ? bytesOf([2, 7], [2, 0], [2, 1], [2, 24], [8, data.length], [8, data.length], [8, headerAt])
      : new Uint8Array();
    directory.push(
      bytesOf([4, 0x0201_4b50], [2, 20], [2, 20], [2, flags], [2, method], [4, 0], [4, crc]),
      bytesOf([4, size], [4, size], [2, nameBytes.length], [2, extra.length], [2, 0], [2, 0]),
      bytesOf([2, 0], [4, 0], [4, zip64 ? 0xffff_ffff : headerAt]),
      nameBytes,
      extra,
    );
  }
  const begin = at;
  add(...directory);
  const length = at - begin;
  if (zip64) {
    const end64 = at;
    add(
      bytesOf([4, 0x0606_4b50], [8, 44], [2, 45], [2, 45], [4, 0], [4, 0], [8, entries.length]),
      bytesOf([8, entries.length], [8, length], [8, begin]),
      bytesOf([4, 0x0706_4b50], [4, 0], [8, end64], [4, 1]),
    );
  }
  const text = new TextEncoder().encode(comment);
  const [few, small, where] = zip64
    ? [0xffff, 0xffff_ffff, 0xffff_ffff]
    : [entries.length, length, begin];
  add(
    bytesOf([4, 0x0605_4b50], [4, 0], [2, few!], [2, few!], [4, small!], [4, where!]),
    bytesOf([2, text.length]),
    text,
  );
  return concatBytes(...pieces);
}
