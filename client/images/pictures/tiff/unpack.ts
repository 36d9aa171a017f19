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
    for await (const piece of stream as unknown as AsyncIterable<Uint8Array>) {
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
const MOST_CODES = 4096;

/**
 * LZW as TIFF has it (TIFF 6.0, section 13): codes of 9 to 12 bits, the highest first, one code earlier
 * longer than in GIF. Of each code its last byte, its length and the code before it are kept.
 */
function fromLzw(packed: Uint8Array, size: number): Uint8Array {
  const bytes = new Uint8Array(size);
  const before = new Uint16Array(MOST_CODES);
  const last = Uint8Array.from({ length: MOST_CODES }, (_, code) => code & 255);
  const lengths = new Uint16Array(MOST_CODES).fill(1);
  let [codes, width, previous, filled] = [END + 1, 9, -1, 0];
  let [held, heldBits, at] = [0, 0, 0];
  while (filled < size) {
    while (heldBits < width) {
      if (at === packed.length) return bytes.subarray(0, filled);
      held = (held << 8) | packed[at++]!;
      heldBits += 8;
    }
    heldBits -= width;
    const code = (held >>> heldBits) & (2 ** width - 1);
    held &= 2 ** heldBits - 1;
    if (code === END) break;
    if (code === CLEAR) {
      [codes, width, previous] = [END + 1, 9, -1];
      continue;
    }
    if (code > codes || (code === codes && previous === -1) || (code > END && previous === -1)) {
      throw new Error("cannot be decoded: the picture is damaged");
    }
    if (previous !== -1 && codes < MOST_CODES) {
      before[codes] = previous;
      lengths[codes] = lengths[previous]! + 1;
      // Of a code that is just being made, the first byte of what it begins with comes last.
      let first = code === codes ? previous : code;
      while (first > END) first = before[first]!;
      last[codes] = first;
      codes++;
    }
    const length = lengths[code]!;
    let one = code;
    for (let to = filled + length - 1; to >= filled; to--) {
      if (to < size) bytes[to] = last[one]!;
      one = before[one]!;
    }
    filled = Math.min(size, filled + length);
    previous = code;
    if (codes + 1 >= 2 ** width && width < 12) width++;
  }
  return bytes.subarray(0, filled);
}
