import { piecesFrom } from "../../sets/pieces.ts";
import { LzwTable } from "../lzw.ts";

/** How a strip or tile is packed (TIFF 6.0, tag 259). */
const NAMES: Readonly<Record<number, string>> = {
  2: "CCITT's fax code",
  3: "CCITT's fax code",
  4: "CCITT's fax code",
  6: "JPEG",
  7: "JPEG",
  34712: "JPEG 2000",
  50000: "Zstandard",
  50001: "WebP",
  50002: "JPEG XL",
};

/**
 * Unpacks a strip or tile.
 *
 * @param size bytes that it has to come to; what is beyond is left out
 * @throws Error for a way of packing that is not read, or bytes that are not packed so.
 */
export async function unpack(
  packed: Uint8Array,
  compression: number,
  size: number,
): Promise<Uint8Array> {
  const bytes = await unpacked(packed, compression, size);
  if (bytes.length >= size) return bytes.subarray(0, size);
  throw new Error("cannot be decoded: the picture is cut short");
}

async function unpacked(
  packed: Uint8Array,
  compression: number,
  size: number,
): Promise<Uint8Array> {
  switch (compression) {
    case 1:
      return packed;
    case 5:
      return fromLzw(packed, size);
    case 8:
    case 32946:
      return await inflated(packed, size);
    case 32773:
      return fromPackBits(packed, size);
    default:
      throw new Error(
        `cannot be decoded: a TIFF packed with ${NAMES[compression] ?? `method ${compression}`}; save it with LZW or as PNG`,
      );
  }
}

/** As many bytes as are wanted, however many there would be. */
async function inflated(packed: Uint8Array, size: number): Promise<Uint8Array> {
  const bytes = new Uint8Array(size);
  let filled = 0;
  const stream = new Blob([packed as Uint8Array<ArrayBuffer>])
    .stream()
    .pipeThrough(new DecompressionStream("deflate"));
  try {
    for await (const piece of piecesFrom(stream)) {
      const fits = piece.subarray(0, size - filled);
      bytes.set(fits, filled);
      filled += fits.length;
      if (filled === size) break;
    }
  } catch (cause) {
    throw new Error("cannot be decoded: the picture is damaged", { cause });
  }
  return bytes.subarray(0, filled);
}

/** Runs of bytes, and bytes one by one (TIFF 6.0, section 9). */
function fromPackBits(packed: Uint8Array, size: number): Uint8Array {
  const bytes = new Uint8Array(size);
  let filled = 0;
  for (let at = 0; at < packed.length && filled < size;) {
    const count = (packed[at++]! << 24) >> 24;
    if (count >= 0) {
      const some = packed.subarray(at, at + Math.min(count + 1, size - filled));
      bytes.set(some, filled);
      filled += some.length;
      at += count + 1;
    } else if (count !== -128) {
      const end = Math.min(size, filled + 1 - count);
      bytes.fill(packed[at++] ?? 0, filled, end);
      filled = end;
    }
  }
  return bytes.subarray(0, filled);
}

const CLEAR = 256;
const END = 257;

/**
 * LZW as TIFF has it (TIFF 6.0, section 13): codes of 9 to 12 bits, the highest first, one code earlier
 * longer than in GIF.
 */
function fromLzw(packed: Uint8Array, size: number): Uint8Array {
  const bytes = new Uint8Array(size);
  const table = new LzwTable(END + 1);
  let [width, filled] = [9, 0];
  let [held, heldBits, at] = [0, 0, 0];
  while (filled < size) {
    while (heldBits < width) {
      if (at === packed.length) return bytes.subarray(0, filled);
      held = (held << 8) | packed[at++]!;
      heldBits += 8;
    }
    heldBits -= width;
    const code = held >>> heldBits;
    held &= 2 ** heldBits - 1;
    if (code === END) break;
    if (code === CLEAR) {
      table.clear();
      width = 9;
      continue;
    }
    filled = table.write(code, bytes, filled);
    if (table.count + 1 >= 2 ** width && width < 12) width++;
  }
  return bytes.subarray(0, filled);
}
