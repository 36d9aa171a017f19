import { carries, latin1, type Sign } from "./signs.ts";
import { unreadReason } from "./unread-kinds.ts";

const PICTURE_KINDS = ["png", "jpeg", "webp", "gif", "avif", "bmp", "tiff", "netpbm"] as const;

/** Files of one picture. */
export type PictureKind = (typeof PICTURE_KINDS)[number];

/** Files of many pictures. */
export type SetKind = "zip" | "gzip" | "tar" | "parquet" | "npy" | "idx" | "pickle";

/** What a file holds, by its first bytes: names are not believed. */
export type FileKind = PictureKind | SetKind | "text" | "empty" | "unknown";

/** How many first bytes `fileKind` looks at. */
export const HEAD_BYTES = 512;

/** What files of a kind begin with; the first that fits is taken. */
const SIGNS: readonly (readonly [FileKind, readonly Sign[]])[] = [
  ["png", [[[0, "\x89PNG\r\n\x1a\n"]]]],
  ["jpeg", [[[0, "\xff\xd8\xff"]]]],
  [
    "webp",
    [
      [
        [0, "RIFF"],
        [8, "WEBP"],
      ],
    ],
  ],
  ["gif", [[[0, "GIF87a"]], [[0, "GIF89a"]]]],
  ["tiff", [[[0, "II*\0"]], [[0, "MM\0*"]]]],
  ["zip", [[[0, "PK\x03\x04"]], [[0, "PK\x05\x06"]]]],
  ["gzip", [[[0, "\x1f\x8b\x08"]]]],
  ["parquet", [[[0, "PAR1"]]]],
  ["npy", [[[0, "\x93NUMPY"]]]],
  ["tar", [[[257, "ustar"]]]],
  ["pickle", [[[0, "\x80\x02"]], [[0, "\x80\x03"]], [[0, "\x80\x04\x95"]], [[0, "\x80\x05\x95"]]]],
];

/** Sizes of the header after a bitmap's own, by which its versions are told apart. */
const BITMAP_HEADERS = new Set([12, 16, 40, 52, 56, 64, 108, 124]);

/**
 * @param head first bytes of the file, `HEAD_BYTES` of them or all there are.
 *
 * @example
 * fileKind(new Uint8Array([0xff, 0xd8, 0xff, 0xe0])); // "jpeg"
 */
export function fileKind(head: Uint8Array): FileKind {
  if (head.length === 0) return "empty";
  const known = SIGNS.find(([, signs]) => carries(head, signs));
  if (known !== undefined) return known[0];
  if (isAvif(head)) return "avif";
  if (/^P[1-7]\s/.test(latin1(head.subarray(0, 3)))) return "netpbm";
  if (carries(head, [[[0, "BM"]]]) && BITMAP_HEADERS.has(head[14]!)) return "bmp";
  if (isIdx(head)) return "idx";
  if (/^\(dp\d+\n/.test(latin1(head.subarray(0, 16)))) return "pickle";
  return looksLikeText(head) ? "text" : "unknown";
}

/** Whether it is a picture of a kind that is read. */
export function isPictureKind(kind: FileKind): kind is PictureKind {
  return PICTURE_KINDS.some((known) => known === kind);
}

/** What to give, for people. */
export const READ_KINDS =
  "PNG, JPEG, WebP, GIF, AVIF, BMP, TIFF or PPM/PGM/PAM pictures, a zip or tar of them, or a data set (CIFAR binary or Python batches, MNIST idx, npy, npz, parquet)";

/**
 * Why a file that is neither a picture nor a set of them gives no image, and what to do about it.
 *
 * @param name by which a few kinds are known that say nothing of themselves.
 */
export function whyNotImage(head: Uint8Array, name: string): string {
  if (head.length === 0) return "the file is empty";
  const known = unreadReason(head, name);
  if (known !== undefined) return known;
  return looksLikeText(head)
    ? "not a picture: its content is text"
    : "not a picture of a kind that is known";
}

/** By the brands of an ISO base media file (ISO/IEC 14496-12, 4.3): the first, or one it is compatible with. */
function isAvif(head: Uint8Array): boolean {
  if (!carries(head, [[[4, "ftyp"]]])) return false;
  const length = new DataView(head.buffer, head.byteOffset, head.length).getUint32(0);
  const brands = latin1(head.subarray(8, Math.min(length, head.length)));
  return /^(?:.{4})*avi[fs]/s.test(brands);
}

/** Two zero bytes, the type of its values, and how many dimensions there are. */
function isIdx(head: Uint8Array): boolean {
  const [first, second, type, dimensions] = head;
  const isType = [0x08, 0x09, 0x0b, 0x0c, 0x0d, 0x0e].includes(type!);
  return first === 0 && second === 0 && isType && dimensions! >= 1 && dimensions! <= 4;
}

/** Control characters other than tab, line feed, form feed and carriage return do not stand in text. */
function looksLikeText(head: Uint8Array): boolean {
  const allowed = new Set([0x09, 0x0a, 0x0c, 0x0d]);
  if (head.slice(0, HEAD_BYTES).some((byte) => byte < 0x20 && !allowed.has(byte))) return false;
  try {
    // Streaming, since the cut may fall inside a character.
    new TextDecoder("utf-8", { fatal: true }).decode(head.slice(0, HEAD_BYTES), { stream: true });
    return true;
  } catch {
    return false;
  }
}
