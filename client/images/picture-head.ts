import { fileKind, HEAD_BYTES, isPictureKind } from "./file-kinds.ts";
import type { PictureHead } from "./picture.ts";

/**
 * Reads size and depth off a picture, so that what it takes to decode it is known before.
 *
 * @returns undefined where the file does not say it where it has to; a decoder will tell what is wrong.
 *
 * @example
 * const head = await pictureHead(bytes); // { width: 4032, height: 3024, bits: 8 }
 */
export async function pictureHead(bytes: Uint8Array): Promise<PictureHead | undefined> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const kind = fileKind(bytes.subarray(0, HEAD_BYTES));
  if (!isPictureKind(kind)) return undefined;
  try {
    switch (kind) {
      case "png":
        return { width: view.getUint32(16), height: view.getUint32(20), bits: view.getUint8(24) };
      case "jpeg":
        return jpegHead(view);
      case "webp":
        return webpHead(view);
      case "gif":
        return { width: view.getUint16(6, true), height: view.getUint16(8, true), bits: 8 };
      case "avif":
        return avifHead(view);
      case "bmp":
        return (await import("./pictures/bmp.ts")).bmpHead(bytes);
      case "netpbm":
        return (await import("./pictures/netpbm.ts")).netpbmHead(bytes);
      case "tiff":
        return (await import("./pictures/tiff/directory.ts")).tiffHead(bytes);
    }
  } catch (error) {
    // It ends before it says.
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

/** Markers of frames, SOF0 to SOF15, less those that are something else (ITU-T T.81, table B.1). */
const NO_FRAME = new Set([0xc4, 0xc8, 0xcc]);

function jpegHead(view: DataView): PictureHead | undefined {
  let at = 2;
  for (;;) {
    if (view.getUint8(at) !== 0xff) return undefined;
    const marker = view.getUint8(at + 1);
    if (marker === 0xff) {
      at++;
      continue;
    }
    if (marker >= 0xc0 && marker <= 0xcf && !NO_FRAME.has(marker)) {
      return {
        bits: view.getUint8(at + 4),
        height: view.getUint16(at + 5),
        width: view.getUint16(at + 7),
        channels: view.getUint8(at + 9),
      };
    }
    at += 2 + view.getUint16(at + 2);
  }
}

/** RFC 9649: the first chunk is the extended header, a lossy frame or a lossless one. */
function webpHead(view: DataView): PictureHead | undefined {
  const chunk = String.fromCharCode(...[12, 13, 14, 15].map((at) => view.getUint8(at)));
  const uint24 = (at: number): number => view.getUint16(at, true) + 65536 * view.getUint8(at + 2);
  switch (chunk) {
    case "VP8X":
      return { width: 1 + uint24(24), height: 1 + uint24(27), bits: 8 };
    case "VP8 ":
      return {
        width: view.getUint16(26, true) & 0x3fff,
        height: view.getUint16(28, true) & 0x3fff,
        bits: 8,
      };
    case "VP8L": {
      const packed = view.getUint32(21, true);
      return { width: 1 + (packed & 0x3fff), height: 1 + ((packed >>> 14) & 0x3fff), bits: 8 };
    }
    default:
      return undefined;
  }
}

/** `ispe`. */
const ISPE = 0x69737065;

/** Where a file says what it holds; pixels come after. */
const AVIF_HEAD_BYTES = 2 ** 16;

/** The largest of the sizes that are named (ISO/IEC 23008-12, 6.5.3): of the picture, or of tiles of it. */
function avifHead(view: DataView): PictureHead | undefined {
  const end = Math.min(view.byteLength, AVIF_HEAD_BYTES);
  let largest: PictureHead | undefined;
  for (let at = 0; at + 16 <= end; at++) {
    if (view.getUint32(at) !== ISPE) continue;
    const found = { width: view.getUint32(at + 8), height: view.getUint32(at + 12), bits: 8 };
    if (found.width * found.height > (largest ? largest.width * largest.height : 0))
      largest = found;
  }
  return largest;
}
