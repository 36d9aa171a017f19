import type { Picture } from "./picture.ts";

/** Of the EXIF tags of an image file directory, the one that says how it is to be turned. */
const ORIENTATION_TAG = 0x0112;
const UPRIGHT = 1;

/**
 * Orientation (1 to 8) of a WebP by its EXIF chunk (RFC 9649, section 2.7.1.5): browsers turn JPEGs
 * upright, and of WebPs only some do.
 *
 * @returns 1, upright, where it does not say.
 */
export function webpOrientation(bytes: Uint8Array): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let at = 12; at + 8 <= bytes.length;) {
    const name = String.fromCharCode(...bytes.subarray(at, at + 4));
    const length = view.getUint32(at + 4, true);
    if (name === "EXIF") return tiffOrientation(bytes.subarray(at + 8, at + 8 + length));
    at += 8 + length + (length % 2);
  }
  return UPRIGHT;
}

/** Of a TIFF header with its first directory, as EXIF has it; some begin with `Exif`. */
function tiffOrientation(exif: Uint8Array): number {
  const start = String.fromCharCode(...exif.subarray(0, 4)) === "Exif" ? 6 : 0;
  const view = new DataView(exif.buffer, exif.byteOffset + start, exif.byteLength - start);
  try {
    const little = view.getUint16(0) === 0x4949;
    const directory = view.getUint32(4, little);
    const entries = view.getUint16(directory, little);
    for (let entry = 0; entry < entries; entry++) {
      const at = directory + 2 + 12 * entry;
      if (view.getUint16(at, little) !== ORIENTATION_TAG) continue;
      const orientation = view.getUint16(at + 8, little);
      return orientation >= 1 && orientation <= 8 ? orientation : UPRIGHT;
    }
  } catch (error) {
    // Cut short or made wrong: it says nothing.
    if (!(error instanceof RangeError)) throw error;
  }
  return UPRIGHT;
}

/** A picture turned upright from an EXIF orientation. */
export function turnUpright(picture: Picture, orientation: number): Picture {
  if (orientation === UPRIGHT) return picture;
  const { channels, data, height: h, width: w } = picture;
  const isTurned = orientation >= 5;
  const [width, height] = isTurned ? [h, w] : [w, h];
  const isMirrored = [2, 3, 7, 8].includes(orientation);
  const isUpsideDown = [3, 4, 6, 7].includes(orientation);
  const upright = new Uint8Array(data.length);
  for (let y = 0, to = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const [column, row] = isTurned ? [y, x] : [x, y];
      const from =
        ((isUpsideDown ? h - 1 - row : row) * w + (isMirrored ? w - 1 - column : column)) *
        channels;
      for (let c = 0; c < channels; c++) upright[to++] = data[from + c]!;
    }
  }
  return { width, height, channels, data: upright };
}
