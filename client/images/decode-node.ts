import sharp, { type Sharp } from "sharp";
import type { Picture, PictureHead } from "./picture.ts";

/** Larger pictures are refused before their pixels are allocated. */
const MAX_PIXELS = 100_000_000;

/**
 * Decodes a PNG, JPEG, WebP or AVIF: upright by its EXIF orientation, transparency
 * over white, grayscale as RGB, pixel values as stored (an embedded colour profile is not applied, as in
 * torchvision).
 *
 * @throws Error that says what is wrong with the file.
 */
export async function decodeImage(bytes: Uint8Array, head?: PictureHead): Promise<Picture> {
  try {
    const upright = sharp(bytes, {
      failOn: "truncated",
      limitInputPixels: MAX_PIXELS,
      ignoreIcc: true,
    }).autoOrient();
    return head?.channels === INKS ? await ofInks(upright) : await ofColours(upright);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new Error(`cannot be decoded: ${reason}`, { cause });
  }
}

/** Channels of cyan, magenta, yellow and black. */
const INKS = 4;

async function ofColours(image: Sharp): Promise<Picture> {
  const { data, info } = await image
    .flatten({ background: "#ffffff" })
    .toColourspace("srgb")
    .raw()
    .toBuffer({ resolveWithObject: true });
  const { height, width } = info;
  return { width, height, channels: 3, data: asRgb(data, info.channels) };
}

/** As browsers and Pillow have it: each colour less its ink, and all less black, without a press in between. */
async function ofInks(image: Sharp): Promise<Picture> {
  const { data, info } = await image
    .pipelineColourspace("cmyk")
    .toColourspace("cmyk")
    .raw()
    .toBuffer({ resolveWithObject: true });
  const { height, width } = info;
  const rgb = new Uint8Array(3 * width * height);
  for (let from = 0, to = 0; to < rgb.length; from += INKS) {
    const light = 255 - data[from + 3]!;
    for (let c = 0; c < 3; c++) rgb[to++] = Math.round(((255 - data[from + c]!) * light) / 255);
  }
  return { width, height, channels: 3, data: rgb };
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
