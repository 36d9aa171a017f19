import type { Picture, PictureHead } from "../picture.ts";

/** How pixels are packed (BITMAPINFOHEADER's biCompression). */
const PLAIN = 0;
const RUNS_OF_BYTES = 1;
const RUNS_OF_NIBBLES = 2;
const MASKED = 3;
const MASKED_WITH_OPACITY = 6;

interface BmpHead extends PictureHead {
  readonly isBottomUp: boolean;
  readonly bitsPerPixel: number;
  readonly packing: number;
  /** Where red, green, blue and opacity stand within a pixel of 16 or 32 bits. */
  readonly masks: readonly number[];
  readonly palette: Uint8Array;
  /** Of each colour of the palette: 4, or 3 in the oldest. */
  readonly paletteStep: number;
  /** Where pixels begin. */
  readonly start: number;
}

/**
 * Size and depth of a BMP.
 *
 * @throws RangeError when it ends before it says.
 */
export function bmpHead(bytes: Uint8Array): BmpHead {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const headerBytes = view.getUint32(14, true);
  const start = view.getUint32(10, true);
  const isOld = headerBytes === 12;
  const height = isOld ? view.getUint16(20, true) : view.getInt32(22, true);
  const bitsPerPixel = view.getUint16(isOld ? 24 : 28, true);
  const packing = isOld || headerBytes === 16 ? PLAIN : view.getUint32(30, true);
  const isMasked = packing === MASKED || packing === MASKED_WITH_OPACITY;
  const paletteStep = isOld ? 3 : 4;
  // Masks stand behind the shortest header, within longer ones.
  const ownMasks = headerBytes === 40 && isMasked ? (packing === MASKED ? 12 : 16) : 0;
  const paletteStart = 14 + headerBytes + ownMasks;
  const hasOpacity = headerBytes >= 56 || packing === MASKED_WITH_OPACITY;
  return {
    width: isOld ? view.getUint16(18, true) : view.getInt32(18, true),
    height: Math.abs(height),
    bits: 8,
    isBottomUp: height > 0,
    bitsPerPixel,
    packing,
    masks: isMasked
      ? [54, 58, 62, 66].map((at, index) =>
          index < 3 || hasOpacity ? view.getUint32(at, true) : 0,
        )
      : bitsPerPixel === 16
        ? [0x7c00, 0x3e0, 0x1f, 0]
        : [0xff0000, 0xff00, 0xff, 0],
    palette: bytes.subarray(paletteStart, Math.min(start, paletteStart + 256 * paletteStep)),
    paletteStep,
    start,
  };
}

/**
 * Decodes a BMP of 1 to 32 bits a pixel, runs of equal pixels too; opacity, where the header has a mask
 * for it, is laid over white.
 *
 * @throws Error that says what is wrong with the file.
 */
export function decodeBmp(bytes: Uint8Array): Picture {
  let head: BmpHead;
  try {
    head = bmpHead(bytes);
  } catch (cause) {
    throw new Error("cannot be decoded: the picture is cut short", { cause });
  }
  const { bitsPerPixel, height, packing, width } = head;
  if (width < 1 || height < 1) throw new Error("cannot be decoded: it says that it has no pixels");
  const data = new Uint8Array(3 * width * height);
  switch (packing) {
    case PLAIN:
    case MASKED:
    case MASKED_WITH_OPACITY:
      if (bitsPerPixel <= 8) fromPalette(bytes, head, data);
      else fromColours(bytes, head, data);
      break;
    case RUNS_OF_BYTES:
    case RUNS_OF_NIBBLES:
      fromRuns(bytes, head, data);
      break;
    default:
      throw new Error(
        "cannot be decoded: it is a BMP with a JPEG or PNG within, or packed in a way that is not known; save it as PNG",
      );
  }
  return { width, height, channels: 3, data };
}

/** Rows begin at multiples of four bytes, the lowest first unless the height is negative. */
function rowStarts(bytes: Uint8Array, head: BmpHead): (y: number) => number {
  const { bitsPerPixel, height, isBottomUp, start, width } = head;
  const rowBytes = 4 * Math.ceil((width * bitsPerPixel) / 32);
  if (bytes.length < start + rowBytes * height) {
    throw new Error("cannot be decoded: the picture is cut short");
  }
  return (y) => start + rowBytes * (isBottomUp ? height - 1 - y : y);
}

function fromPalette(bytes: Uint8Array, head: BmpHead, data: Uint8Array): void {
  const { bitsPerPixel, height, width } = head;
  if (bitsPerPixel !== 1 && bitsPerPixel !== 2 && bitsPerPixel !== 4 && bitsPerPixel !== 8) {
    throw new Error(`cannot be decoded: a BMP of ${bitsPerPixel} bits a pixel; save it as PNG`);
  }
  const rowAt = rowStarts(bytes, head);
  const mask = 2 ** bitsPerPixel - 1;
  for (let y = 0, to = 0; y < height; y++) {
    const row = rowAt(y);
    for (let x = 0; x < width; x++, to += 3) {
      const bit = x * bitsPerPixel;
      const index = (bytes[row + (bit >> 3)]! >> (8 - bitsPerPixel - (bit & 7))) & mask;
      paint(head, index, data, to);
    }
  }
}

/** A colour of the palette, blue first; black where it has no such. */
function paint(
  { palette, paletteStep }: BmpHead,
  index: number,
  data: Uint8Array,
  to: number,
): void {
  for (let c = 0; c < 3; c++) data[to + c] = palette[index * paletteStep + 2 - c] ?? 0;
}

function fromColours(bytes: Uint8Array, head: BmpHead, data: Uint8Array): void {
  const { bitsPerPixel, height, masks, width } = head;
  if (bitsPerPixel !== 16 && bitsPerPixel !== 24 && bitsPerPixel !== 32) {
    throw new Error(`cannot be decoded: a BMP of ${bitsPerPixel} bits a pixel; save it as PNG`);
  }
  const rowAt = rowStarts(bytes, head);
  const step = bitsPerPixel / 8;
  const [red, green, blue, opacity] = masks.map(channelOf);
  for (let y = 0, to = 0; y < height; y++) {
    const row = rowAt(y);
    for (let x = 0; x < width; x++, to += 3) {
      const at = row + x * step;
      const low = bytes[at]! + 256 * bytes[at + 1]!;
      const pixel =
        step === 2 ? low : low + 65536 * (bytes[at + 2]! + (step === 4 ? 256 * bytes[at + 3]! : 0));
      const cover = opacity!(pixel) ?? 255;
      for (const [c, channel] of [red!, green!, blue!].entries()) {
        const value = channel(pixel) ?? 0;
        data[to + c] = Math.round((value * cover + 255 * (255 - cover)) / 255);
      }
    }
  }
}

/** Reads the bits of a mask off a pixel, brought to 0–255; undefined for a mask without bits. */
function channelOf(mask: number): (pixel: number) => number | undefined {
  if (mask === 0) return () => undefined;
  const shift = 31 - Math.clz32(mask & -mask);
  const most = mask >>> shift;
  return (pixel) => Math.round((255 * ((pixel & mask) >>> shift)) / most);
}

/** The first or second half of a byte, by turns. */
function nibble(byte: number, i: number): number {
  return i % 2 === 0 ? byte >> 4 : byte & 15;
}

/** Runs of one colour, and pixels one by one (RLE8 and RLE4); what no run covers is the palette's first. */
function fromRuns(bytes: Uint8Array, head: BmpHead, data: Uint8Array): void {
  const { height, isBottomUp, packing, start, width } = head;
  if (!isBottomUp) {
    throw new Error(
      "cannot be decoded: a BMP of runs that begins at its top, which none may; save it as PNG",
    );
  }
  const isNibbles = packing === RUNS_OF_NIBBLES;
  for (let to = 0; to < data.length; to += 3) paint(head, 0, data, to);
  let [x, y] = [0, height - 1];
  /** What runs past its row is not painted. */
  const put = (count: number, indexAt: (i: number) => number): void => {
    const within = y < 0 ? 0 : Math.min(count, Math.max(0, width - x));
    for (let i = 0; i < within; i++) paint(head, indexAt(i), data, 3 * (y * width + x + i));
    x += count;
  };
  for (let at = start; at + 1 < bytes.length;) {
    const [count, value] = [bytes[at]!, bytes[at + 1]!];
    at += 2;
    if (count > 0) {
      put(count, (i) => (isNibbles ? nibble(value, i) : value));
    } else if (value === 0) {
      [x, y] = [0, y - 1];
    } else if (value === 1) {
      return;
    } else if (value === 2) {
      x += bytes[at] ?? 0;
      y -= bytes[at + 1] ?? 0;
      at += 2;
    } else {
      const from = at;
      put(value, (i) =>
        isNibbles ? nibble(bytes[from + (i >> 1)] ?? 0, i) : (bytes[from + i] ?? 0),
      );
      const used = isNibbles ? Math.ceil(value / 2) : value;
      // Padded to whole words.
      at += used + (used % 2);
    }
  }
  throw new Error("cannot be decoded: the picture is cut short");
}
