import { latin1 } from "../signs.ts";
import { colouredOf, type Picture, type PictureHead } from "../picture.ts";

/** What stands before the samples of a Netpbm picture. */
interface NetpbmHead extends PictureHead {
  readonly isText: boolean;
  /** 1 grey, 2 grey and opacity, 3 colour, 4 colour and opacity. */
  readonly depth: 1 | 2 | 3 | 4;
  /** Value of white. */
  readonly most: number;
  /** Bits rather than numbers: 1 is black. */
  readonly isBitmap: boolean;
  /** Where samples begin. */
  readonly start: number;
}

/** Longest header that is looked for: it holds comments. */
const HEAD_LIMIT = 2 ** 16;

/**
 * Size and depth of a PBM, PGM, PPM or PAM.
 *
 * @returns undefined where its header is not one.
 */
export function netpbmHead(bytes: Uint8Array): NetpbmHead | undefined {
  const text = latin1Head(bytes);
  return text.startsWith("P7") ? pamHead(text) : plainHead(text);
}

/**
 * Decodes the first picture of a PBM, PGM, PPM (as text or bytes, of 8 or 16 bits) or PAM. Values are
 * brought from the range that the header names to 0–255; opacity is laid over white.
 *
 * @throws Error that says what is wrong with the file.
 */
export function decodeNetpbm(bytes: Uint8Array): Picture {
  const head = netpbmHead(bytes);
  if (head === undefined)
    throw new Error("cannot be decoded: its header is not one of PPM, PGM or PAM");
  const { depth, height, most, width } = head;
  const samples = head.isText ? textSamples(bytes, head) : byteSamples(bytes, head);
  const scaled = Uint8Array.from(samples, (value) =>
    Math.round((255 * Math.min(value, most)) / most),
  );
  const colours = depth <= 2 ? 1 : 3;
  const hasOpacity = depth === 2 || depth === 4;
  const data = hasOpacity ? overWhite(scaled, colours) : scaled;
  return colouredOf({ width, height, channels: colours, data });
}

const FORMS = {
  1: { isText: true, depth: 1, isBitmap: true },
  2: { isText: true, depth: 1, isBitmap: false },
  3: { isText: true, depth: 3, isBitmap: false },
  4: { isText: false, depth: 1, isBitmap: true },
  5: { isText: false, depth: 1, isBitmap: false },
  6: { isText: false, depth: 3, isBitmap: false },
} as const;

function plainHead(text: string): NetpbmHead | undefined {
  const form = FORMS[Number(text[1]) as keyof typeof FORMS];
  if (text[0] !== "P" || form === undefined) return undefined;
  // Blanks and comments between numbers, and one blank before samples.
  const gap = String.raw`(?:\s|#[^\n\r]*[\n\r])+`;
  const numbers = form.isBitmap ? 2 : 3;
  const found = new RegExp(
    `^P\\d(?:${gap}(\\d+))(?:${gap}(\\d+))${numbers === 3 ? `(?:${gap}(\\d+))` : "()"}`,
  ).exec(text);
  return found === null
    ? undefined
    : headOf(form, found.slice(1, 1 + numbers), found[0].length + 1);
}

const PAM_END = "\nENDHDR\n";

function pamHead(text: string): NetpbmHead | undefined {
  const end = text.indexOf(PAM_END);
  if (end === -1) return undefined;
  const lines = text.slice(0, end + 1);
  const number = (name: string): string =>
    new RegExp(`^${name}\\s+(\\d+)\\s*$`, "m").exec(lines)?.[1] ?? "0";
  const depth = Number(number("DEPTH"));
  if (depth !== 1 && depth !== 2 && depth !== 3 && depth !== 4) return undefined;
  const form = { isText: false, depth, isBitmap: false } as const;
  return headOf(form, ["WIDTH", "HEIGHT", "MAXVAL"].map(number), end + PAM_END.length);
}

function headOf(
  form: Pick<NetpbmHead, "isText" | "depth" | "isBitmap">,
  numbers: readonly string[],
  start: number,
): NetpbmHead | undefined {
  const [width = 0, height = 0, most = 1] = numbers.map(Number);
  if (width < 1 || height < 1 || most < 1 || most > 65535) return undefined;
  return { ...form, width, height, most, bits: most > 255 ? 16 : 8, start };
}

function latin1Head(bytes: Uint8Array): string {
  let text = "";
  for (let at = 0; at < Math.min(bytes.length, HEAD_LIMIT); at += 4096) {
    text += latin1(bytes.subarray(at, at + 4096));
    // A header with few comments ends here.
    if (/^P[1-6]\s/.test(text) && plainHead(text) !== undefined) return text;
    if (text.includes(PAM_END)) return text;
  }
  return text;
}

function byteSamples(bytes: Uint8Array, head: NetpbmHead): ArrayLike<number> & Iterable<number> {
  const { depth, height, isBitmap, most, start, width } = head;
  const rowBytes = isBitmap ? Math.ceil(width / 8) : width * depth * (most > 255 ? 2 : 1);
  requireBytes(bytes.length - start, rowBytes * height);
  if (isBitmap) {
    return Uint8Array.from({ length: width * height }, (_, pixel) => {
      const [x, y] = [pixel % width, Math.floor(pixel / width)];
      return 1 - ((bytes[start + y * rowBytes + (x >> 3)]! >> (7 - (x & 7))) & 1);
    });
  }
  const count = width * height * depth;
  if (most <= 255) return bytes.subarray(start, start + count);
  return Uint16Array.from(
    { length: count },
    (_, at) => 256 * bytes[start + 2 * at]! + bytes[start + 2 * at + 1]!,
  );
}

/** Numbers between blanks; bits may stand without. */
function textSamples(bytes: Uint8Array, head: NetpbmHead): Uint16Array {
  const samples = new Uint16Array(head.width * head.height * head.depth);
  let filled = 0;
  let number = -1;
  for (let at = head.start - 1; at < bytes.length && filled < samples.length; at++) {
    const character = bytes[at]!;
    const digit = character - 0x30;
    if (digit >= 0 && digit <= 9) {
      if (head.isBitmap) samples[filled++] = 1 - Math.min(digit, 1);
      else number = Math.min(65535, 10 * Math.max(number, 0) + digit);
      continue;
    }
    if (number >= 0) samples[filled++] = number;
    number = -1;
    // A comment goes to its line's end.
    if (character === 0x23) while (at < bytes.length && bytes[at] !== 0x0a) at++;
  }
  if (number >= 0 && filled < samples.length) samples[filled++] = number;
  requireBytes(filled, samples.length);
  return samples;
}

function requireBytes(are: number, wanted: number): void {
  if (are < wanted) throw new Error("cannot be decoded: the picture is cut short");
}

/** Colours and opacity of each pixel as colours over white. */
function overWhite(data: Uint8Array, colours: 1 | 3): Uint8Array {
  const step = colours + 1;
  const laid = new Uint8Array((data.length / step) * colours);
  for (let from = 0, to = 0; from < data.length; from += step) {
    const opacity = data[from + colours]!;
    for (let c = 0; c < colours; c++) {
      laid[to++] = Math.round((data[from + c]! * opacity + 255 * (255 - opacity)) / 255);
    }
  }
  return laid;
}
