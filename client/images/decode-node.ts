import sharp from "sharp";
import type { Picture } from "./picture.ts";

/** Larger pictures are refused before their pixels are allocated. */
const MAX_PIXELS = 100_000_000;

/**
 * Decodes a PNG, JPEG or WebP: upright by its EXIF orientation, transparency over white, grayscale
 * as RGB, pixel values as stored (an embedded colour profile is not applied, as in torchvision).
 *
 * @throws Error that says what is wrong with the file.
 */
export async function decodeImage(bytes: Uint8Array): Promise<Picture> {
  try {
    const { data, info } = await sharp(bytes, {
      failOn: "truncated",
      limitInputPixels: MAX_PIXELS,
      ignoreIcc: true,
    })
      .autoOrient()
      .flatten({ background: "#ffffff" })
      .toColourspace("srgb")
      .raw()
      .toBuffer({ resolveWithObject: true });
    const { height, width } = info;
    return { width, height, channels: 3, data: asRgb(data, info.channels) };
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new Error(`cannot be decoded: ${reason}`, { cause });
  }
}

function asRgb(data: Uint8Array, channels: number): Uint8Array {
  if (channels === 3) return data;
  const rgb = new Uint8Array((data.length / channels) * 3);
  for (let pixel = 0; pixel * channels < data.length; pixel++) {
    for (let c = 0; c < 3; c++) {
      rgb[pixel * 3 + c] = data[pixel * channels + (channels < 3 ? 0 : c)]!;
    }
  }
  return rgb;
}
