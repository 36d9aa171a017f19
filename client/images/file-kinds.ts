/** What a file holds, by its first bytes: names are not believed. */
export type FileKind = "png" | "jpeg" | "webp" | "zip" | "text" | "empty" | "unknown";

/** How many first bytes `fileKind` looks at. */
export const HEAD_BYTES = 512;

const PNG = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a];
const JPEG = [0xff, 0xd8, 0xff];
const RIFF = [0x52, 0x49, 0x46, 0x46];
const WEBP = [0x57, 0x45, 0x42, 0x50];
const ZIP_ENTRY = [0x50, 0x4b, 0x03, 0x04];
const ZIP_EMPTY = [0x50, 0x4b, 0x05, 0x06];

/**
 * @param head first bytes of the file, `HEAD_BYTES` of them or all there are.
 *
 * @example
 * fileKind(new Uint8Array([0xff, 0xd8, 0xff, 0xe0])); // "jpeg"
 */
export function fileKind(head: Uint8Array): FileKind {
  const has = (magic: readonly number[], at = 0) =>
    magic.every((byte, index) => head[at + index] === byte);
  if (head.length === 0) return "empty";
  if (has(PNG)) return "png";
  if (has(JPEG)) return "jpeg";
  if (has(RIFF) && has(WEBP, 8)) return "webp";
  if (has(ZIP_ENTRY) || has(ZIP_EMPTY)) return "zip";
  return looksLikeText(head) ? "text" : "unknown";
}

/** Why a file of this kind gives no image. */
export function whyNotImage(kind: FileKind): string {
  switch (kind) {
    case "empty":
      return "the file is empty";
    case "text":
      return "not a PNG, JPEG or WebP image: its content is text";
    case "zip":
      return "an archive within an archive is not opened";
    default:
      return "not a PNG, JPEG or WebP image";
  }
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
