import type { Picture } from "../picture.ts";
import { LzwTable } from "./lzw.ts";

const EXTENSION = 0x21;
const FRAME = 0x2c;
const GRAPHIC_CONTROL = 0xf9;

/** Palette of a screen or a frame: red, green and blue of each colour. */
type Palette = Uint8Array;

/**
 * Decodes the first frame of a GIF (CompuServe's GIF89a): what it leaves clear, or does not reach, is white.
 *
 * @throws Error that says what is wrong with the file.
 */
export function decodeGif(bytes: Uint8Array): Picture {
  try {
    return firstFrame(bytes, new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength));
  } catch (cause) {
    if (!(cause instanceof RangeError)) throw cause;
    throw new Error("cannot be decoded: the picture is cut short", { cause });
  }
}

function firstFrame(bytes: Uint8Array, view: DataView): Picture {
  const [width, height] = [view.getUint16(6, true), view.getUint16(8, true)];
  if (width < 1 || height < 1) throw damaged();
  const screen = paletteAt(bytes, 13, view.getUint8(10));
  let at = 13 + screen.length;
  let clear = -1;
  while (view.getUint8(at) === EXTENSION) {
    const hasClear = view.getUint8(at + 1) === GRAPHIC_CONTROL && (view.getUint8(at + 3) & 1) === 1;
    if (hasClear) clear = view.getUint8(at + 6);
    at = blocksOf(view, at + 2).end;
  }
  if (view.getUint8(at) !== FRAME) throw damaged();
  const [left, top, across, down] = [1, 3, 5, 7].map((place) =>
    view.getUint16(at + place, true),
  ) as [number, number, number, number];
  if (across * down > MOST_PIXELS) throw damaged();
  const flags = view.getUint8(at + 9);
  const own = paletteAt(bytes, at + 10, flags);
  const palette = own.length > 0 ? own : screen;
  const codesAt = at + 10 + own.length;
  const { data: codes } = blocksOf(view, codesAt + 1);
  const indices = fromCodes(codes, view.getUint8(codesAt), across * down);
  const data = new Uint8Array(3 * width * height).fill(255);
  const rows = (flags & 0x40) === 0 ? undefined : interlacedRows(down);
  for (let row = 0; row < down; row++) {
    const y = top + (rows?.[row] ?? row);
    for (let column = 0; column < across; column++) {
      const index = indices[row * across + column]!;
      const x = left + column;
      if (index === clear || x >= width || y >= height) continue;
      for (let c = 0; c < 3; c++) data[3 * (y * width + x) + c] = palette[3 * index + c] ?? 0;
    }
  }
  return { width, height, channels: 3, data };
}

/** As many as a picture may have; a frame is no larger. */
const MOST_PIXELS = 100_000_000;

function damaged(): Error {
  return new Error("cannot be decoded: the picture is damaged");
}

/** Of flags that say whether there is one, and how large. */
function paletteAt(bytes: Uint8Array, at: number, flags: number): Palette {
  return (flags & 0x80) === 0
    ? new Uint8Array()
    : bytes.subarray(at, at + 3 * 2 ** ((flags & 7) + 1));
}

/** Blocks of up to 255 bytes, one after another, up to an empty one. */
function blocksOf(
  view: DataView,
  start: number,
): { readonly data: Uint8Array; readonly end: number } {
  const parts: Uint8Array[] = [];
  let at = start;
  for (let length = view.getUint8(at); length > 0; length = view.getUint8(at)) {
    if (at + 1 + length > view.byteLength) throw new RangeError("the file ends");
    parts.push(new Uint8Array(view.buffer, view.byteOffset + at + 1, length));
    at += 1 + length;
  }
  const data = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let filled = 0;
  for (const part of parts) {
    data.set(part, filled);
    filled += part.length;
  }
  return { data, end: at + 1 };
}

/** Every eighth row, those between them, and so on. */
function interlacedRows(count: number): readonly number[] {
  const rows: number[] = [];
  for (const [first, step] of [
    [0, 8],
    [4, 8],
    [2, 4],
    [1, 2],
  ] as const) {
    for (let row = first; row < count; row += step) rows.push(row);
  }
  return rows;
}

/** LZW as GIF has it: codes with the lowest bit first, as long as the newest needs. */
function fromCodes(packed: Uint8Array, bits: number, count: number): Uint8Array {
  if (bits < 1 || bits > 11) throw damaged();
  const [clear, end] = [2 ** bits, 2 ** bits + 1];
  const indices = new Uint8Array(count);
  const table = new LzwTable(end + 1);
  let [width, filled] = [bits + 1, 0];
  let [held, heldBits, at] = [0, 0, 0];
  while (filled < count) {
    while (heldBits < width) {
      if (at === packed.length) throw damaged();
      held |= packed[at++]! << heldBits;
      heldBits += 8;
    }
    const code = held & (2 ** width - 1);
    held >>>= width;
    heldBits -= width;
    if (code === end) throw damaged();
    if (code === clear) {
      table.clear();
      width = bits + 1;
      continue;
    }
    filled = table.write(code, indices, filled);
    if (table.count === 2 ** width && width < 12) width++;
  }
  return indices;
}
