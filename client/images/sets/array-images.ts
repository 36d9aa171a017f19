import {
  type FindOptions,
  readExactly,
  type FoundImage,
  type ImageSource,
} from "../found-image.ts";
import { ImageError } from "../image-error.ts";
import { colouredOf, type Picture } from "../picture.ts";
import { pictureAxes, type PictureAxes } from "./array-shape.ts";
import { isOfLabels, labelFileNames } from "./label-names.ts";
import { labelsIn } from "./label-rows.ts";
import { numberReader, type NumberType } from "./number-types.ts";

/** An array in a file: numbers row by row from a byte on. */
export interface StoredArray {
  readonly type: NumberType;
  readonly shape: readonly number[];
  /** Byte at which they begin. */
  readonly start: number;
}

/** Reads what a file says of its array. @returns what is wrong with it where it is none that is read. */
export type OpenArray = (source: ImageSource) => Promise<StoredArray | string>;

/** Bytes read at once, or one picture's. */
const AT_ONCE = 2 ** 20;

/** Brings a number to 0–255. */
type Scale = (value: number) => number;

/**
 * The pictures of an array, with the labels of the array that lies beside it.
 *
 * @throws UnreadableError when it ends before its last number, or what else the source throws.
 */
export async function* arrayImages(
  source: ImageSource,
  open: OpenArray,
  options: FindOptions,
): AsyncGenerator<FoundImage> {
  const { name } = source;
  const array = await open(source);
  if (typeof array !== "string" && isOfLabels(name, array.shape)) {
    yield { name, problem: "labels and no pictures: they go with those that lie beside them" };
    return;
  }
  const axes = typeof array === "string" ? array : pictureAxes(array.shape);
  if (typeof array === "string" || typeof axes === "string") {
    yield { name, problem: typeof axes === "string" ? axes : String(array) };
    return;
  }
  const scale = await scaleOf(source, array);
  if (typeof scale === "string") {
    yield { name, problem: scale };
    return;
  }
  const labels = options.withLabels ? await labelsBeside(source, open, axes.count) : undefined;
  const size = axes.height * axes.width * axes.channels;
  let index = 0;
  for await (const numbers of numbersOf(source, array, size)) {
    const picture = pictureOf(numbers, axes, scale);
    const label = labels?.[index++];
    yield label === undefined ? { name, picture } : { name, picture, label };
  }
}

/** Groups of so many numbers, in order. */
async function* numbersOf(
  source: ImageSource,
  { shape, start, type }: StoredArray,
  size: number,
): AsyncGenerator<Float64Array | Uint8Array> {
  const count = shape.reduce((product, length) => product * length, 1);
  const groupBytes = size * type.width;
  const groups = Math.max(1, Math.floor(AT_ONCE / groupBytes));
  const read = numberReader(type);
  for (let at = 0; at < count; at += groups * size) {
    const length = Math.min(groups * size, count - at);
    const bytes = await readExactly(source, start + at * type.width, length * type.width);
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    for (let from = 0; from < length; from += size) {
      const until = Math.min(size, length - from);
      yield type.width === 1 && type.kind === "u"
        ? bytes.subarray(from, from + until)
        : Float64Array.from({ length: until }, (_, i) => read(view, (from + i) * type.width));
    }
  }
}

/**
 * What numbers have to be multiplied with: told by the least and the largest of the whole array.
 *
 * @returns what is wrong where they are no pixels.
 */
async function scaleOf(source: ImageSource, array: StoredArray): Promise<Scale | string> {
  const { kind, width } = array.type;
  const isBytes = kind === "u" && width === 1;
  if (kind === "b") return (value) => 255 * value;
  let [least, most] = [Infinity, -Infinity];
  for await (const numbers of numbersOf(source, array, 2 ** 14)) {
    for (const value of numbers) {
      if (Number.isNaN(value)) return "an array with numbers that are none (NaN)";
      if (value < least) least = value;
      if (value > most) most = value;
    }
    // All bytes are pixels but those that are only 0 and 1.
    if (isBytes && most > 1) return (value) => value;
  }
  // Black, whatever they go up to.
  if (least === 0 && most === 0) return (value) => value;
  const range = `its numbers go from ${shortly(least)} to ${shortly(most)}`;
  if (least < 0) {
    return `${range}, which are no pixels: give them before they are normalised, 0–255 or 0–1`;
  }
  // Numbers of 0–1 that have been rounded, or brightened beyond 1: as 0–255 they would all be black.
  const isUnclear = kind === "f" ? most > 1 && most <= 2 : most <= 1;
  if (most > 255 || isUnclear) {
    return `${range}: bring them to 0–255, as they were for training`;
  }
  return kind === "f" && most <= 1 ? (value) => Math.round(255 * value) : Math.round;
}

function shortly(value: number): string {
  return Number.isInteger(value) ? String(value) : value.toPrecision(3);
}

function pictureOf(
  numbers: ArrayLike<number>,
  { channels, height, isPlanar, width }: PictureAxes,
  scale: Scale,
): Picture {
  const plane = height * width;
  const at = (pixel: number, channel: number): number =>
    scale(numbers[isPlanar ? channel * plane + pixel : pixel * channels + channel]!);
  const colours = channels === 1 ? 1 : 3;
  const data = new Uint8Array(plane * colours);
  for (let pixel = 0, to = 0; pixel < plane; pixel++) {
    // Opacity is laid over white.
    const cover = channels === 4 ? at(pixel, 3) / 255 : 1;
    for (let c = 0; c < colours; c++)
      data[to++] = Math.round(at(pixel, c) * cover + 255 * (1 - cover));
  }
  return colouredOf({ width, height, channels: colours, data });
}

/**
 * Labels of the file that goes with a file of pictures: one for each.
 *
 * @throws ImageError where the only one of that name and length holds something else.
 */
async function labelsBeside(
  source: ImageSource,
  open: OpenArray,
  count: number,
): Promise<Uint32Array | undefined> {
  let fault: string | undefined;
  for (const name of labelFileNames(source.name)) {
    const file = await source.beside?.(name);
    if (file === undefined) continue;
    const array = await open(file);
    if (typeof array === "string" || array.shape[0] !== count) continue;
    const length = rowLength(array);
    const labels = await labelsIn(numbersOf(file, array, length), count, length);
    if (typeof labels !== "string") return labels;
    fault ??= `${file.name}, beside ${source.name}: ${labels}`;
  }
  if (fault === undefined) return undefined;
  throw new ImageError("unreadable-image-set", fault);
}

function rowLength({ shape }: StoredArray): number {
  return shape.slice(1).reduce((product, length) => product * length, 1);
}
