import { fileKind, HEAD_BYTES } from "./file-kinds.ts";
import type { Picture } from "./picture.ts";
import { turnUpright, webpOrientation } from "./webp-orientation.ts";

/** Larger pictures are refused before their pixels are read back. */
const MAX_PIXELS = 100_000_000;

/**
 * Decodes a PNG, JPEG, WebP or AVIF in a tab or worker as `decode-node.ts` does: upright, transparency
 * over white, pixel values as stored.
 *
 * @throws Error that says what is wrong with the file.
 */
export async function decodeImage(bytes: Uint8Array): Promise<Picture> {
  const blob = new Blob([bytes as Uint8Array<ArrayBuffer>]);
  const isWebp = fileKind(bytes.subarray(0, HEAD_BYTES)) === "webp";
  let bitmap: ImageBitmap;
  try {
    bitmap = await createImageBitmap(blob, {
      // Not every browser does it for every kind: what some leave is done below.
      imageOrientation: isWebp ? "none" : "from-image",
      colorSpaceConversion: "none",
      premultiplyAlpha: "none",
    });
  } catch (cause) {
    throw new Error("cannot be decoded: the picture is damaged", { cause });
  }
  try {
    const { height, width } = bitmap;
    if (width * height > MAX_PIXELS) {
      throw new Error(`cannot be decoded: ${width}×${height} pixels are too many`);
    }
    const context = canvasOf(width, height);
    context.fillStyle = "#ffffff";
    context.fillRect(0, 0, width, height);
    context.drawImage(bitmap, 0, 0);
    const { data } = context.getImageData(0, 0, width, height);
    const picture = { width, height, channels: 3, data: withoutAlpha(data) } as const;
    return isWebp ? turnUpright(picture, webpOrientation(bytes)) : picture;
  } finally {
    bitmap.close();
  }
}

/** The last canvas, for as long as pictures fit on it: a new one for each costs more than to decode it. */
let canvas: OffscreenCanvas | undefined;

/** Pixels of a canvas that is kept. */
const KEPT_PIXELS = 2 ** 23;

/** What to draw on, at least so large. To be read before anything else is waited for: the next draws on it, too. */
function canvasOf(width: number, height: number): OffscreenCanvasRenderingContext2D {
  const fits = canvas !== undefined && canvas.width >= width && canvas.height >= height;
  const used = fits && canvas !== undefined ? canvas : new OffscreenCanvas(width, height);
  if (width * height <= KEPT_PIXELS) canvas = used;
  const context = used.getContext("2d", { willReadFrequently: true });
  if (context === null) throw new Error("this browser has no 2-D canvas to read pictures with");
  return context;
}

/** In place: the result lies in the same memory. */
function withoutAlpha(rgba: Uint8ClampedArray<ArrayBuffer>): Uint8Array {
  for (let from = 0, to = 0; from < rgba.length; from += 4, to += 3) {
    rgba[to] = rgba[from]!;
    rgba[to + 1] = rgba[from + 1]!;
    rgba[to + 2] = rgba[from + 2]!;
  }
  return new Uint8Array(rgba.buffer, rgba.byteOffset, (rgba.length / 4) * 3);
}
