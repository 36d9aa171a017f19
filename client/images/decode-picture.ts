import { fileKind, HEAD_BYTES, isPictureKind } from "./file-kinds.ts";
import type { Picture, PictureHead } from "./picture.ts";
import { requireWholePng } from "./pictures/png-check.ts";

/** Decodes a PNG, JPEG, WebP or AVIF by what the platform has; its error's message says what is wrong. */
export type PlatformDecoder = (
  bytes: Uint8Array,
  head: PictureHead | undefined,
) => Promise<Picture>;

/** The highest 8 bits of 16 of which the lowest 14 are used, as sensors of cameras and scanners do. */
const FOURTEEN_OF_SIXTEEN = 2 ** 6;

/**
 * Decodes a picture of any kind that is read, alike on every platform: what the platform's decoders do
 * otherwise, or not at all, is done by readers of our own.
 *
 * @throws Error that says what is wrong with the file.
 *
 * @example
 * const picture = await decodePicture(bytes, await pictureHead(bytes), decodeImage);
 */
export async function decodePicture(
  bytes: Uint8Array,
  head: PictureHead | undefined,
  decode: PlatformDecoder,
): Promise<Picture> {
  return inFullRange(await decoded(bytes, head, decode), head);
}

async function decoded(
  bytes: Uint8Array,
  head: PictureHead | undefined,
  decode: PlatformDecoder,
): Promise<Picture> {
  const kind = fileKind(bytes.subarray(0, HEAD_BYTES));
  if (!isPictureKind(kind)) throw new RangeError(`a file of kind ${kind} is no picture`);
  switch (kind) {
    case "png":
      requireWholePng(bytes);
      return await decode(bytes, head);
    case "jpeg":
    case "webp":
    case "avif":
      return await decode(bytes, head);
    case "gif":
      return (await import("./pictures/gif.ts")).decodeGif(bytes);
    case "bmp":
      return (await import("./pictures/bmp.ts")).decodeBmp(bytes);
    case "netpbm":
      return (await import("./pictures/netpbm.ts")).decodeNetpbm(bytes);
    case "tiff":
      return await (await import("./pictures/tiff/tiff.ts")).decodeTiff(bytes);
  }
}

/** @throws Error for 16 bits of which only the lowest are used: it would be black, or nearly so. */
function inFullRange(picture: Picture, head: PictureHead | undefined): Picture {
  const isDim = head?.bits === 16 && picture.data.every((value) => value <= FOURTEEN_OF_SIXTEEN);
  if (!isDim) return picture;
  throw new Error(
    "has 16 bits a channel, of which the values use 14 or fewer, and would be all but black: bring them to the whole range, or to 8 bits, as they were for training",
  );
}
