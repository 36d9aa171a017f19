import { utf8ToBytes } from "@noble/hashes/utils.js";
import { sizeOf } from "../../model/values.ts";
import type { JsonFile } from "../bundle/folder.ts";
import type { NewValues } from "../model-file.ts";
import { numberPlaces, type NumberPlace } from "./json-numbers.ts";
import type { FloatWeight } from "./read-weights.ts";
import { mostOf, type Grid } from "./stored-values.ts";

/** Values read in one step. */
const PIECE_VALUES = 2 ** 18;

/** Where min and scale of a quantised weight stand. */
interface GridPlaces {
  readonly min: NumberPlace;
  readonly scale: NumberPlace;
}

const PATH = /^weightsManifest\.(\d+)\.weights\.(\d+)\.quantization\.(min|scale)$/;

/** What new values of quantised weights need: other grids, and the JSON that says so. */
export interface NewGrids {
  readonly grids: ReadonlyMap<string, Grid>;
  /** As long as it was. */
  readonly json: Uint8Array;
}

/**
 * Grids for new values. A weight whose values lie within its own grid keeps it, so that what does not
 * change stays as it is; another gets the finest that holds all of them and whose two numbers take no more
 * room in the JSON than those there: a file comes back as long as it was. Where that room is too small
 * for any (`0.0`), the own grid stays, and values beyond it become the nearest on it.
 */
export async function newGrids(
  json: JsonFile,
  weights: Iterable<FloatWeight>,
  values: NewValues,
): Promise<NewGrids> {
  const grids = new Map<string, Grid>();
  const patches: [place: NumberPlace, text: string][] = [];
  const places = gridPlaces(json.text);
  for (const weight of weights) {
    const { storage } = weight;
    if (!("min" in storage) || !values.has(weight.name)) continue;
    const most = mostOf(storage.kind);
    const { least, largest } = await rangeOf(weight, values);
    const { min, scale } = storage;
    const isWithin = least >= min - scale / 2 && largest <= min + (most + 0.5) * scale;
    const place = places.get(`${weight.group}.${weight.index}`);
    if (isWithin || place === undefined) continue;
    const fitted = fit(least, largest, most, place);
    if (fitted === undefined) continue;
    grids.set(weight.name, { min: Number(fitted.min), scale: Number(fitted.scale) });
    patches.push([place.min, fitted.min], [place.scale, fitted.scale]);
  }
  return { grids, json: patches.length === 0 ? json.bytes : patched(json.text, patches) };
}

/** Characters in which a number has some digits of precision, sign and exponent included: `-1.23e-4`. */
const ROOM_ENOUGH = 8;

function isShort({ begin, end }: NumberPlace): boolean {
  return end - begin < ROOM_ENOUGH;
}

/** Quantised weights whose grid has not the room to become another. */
export function coarseGrids({ text }: JsonFile, weights: readonly FloatWeight[]): string[] {
  const places = gridPlaces(text);
  return weights.flatMap(({ group, index, name }) => {
    const place = places.get(`${group}.${index}`);
    return place === undefined || isShort(place.min) || isShort(place.scale) ? [name] : [];
  });
}

/** By group and index. */
function gridPlaces(text: string): Map<string, GridPlaces> {
  const found = numberPlaces(text, (path) => PATH.test(path));
  const places = new Map<string, Partial<GridPlaces>>();
  for (const [path, place] of found) {
    const [, group, index, key] = PATH.exec(path)!;
    const of = `${group}.${index}`;
    places.set(of, { ...places.get(of), [key!]: place });
  }
  return places as Map<string, GridPlaces>;
}

async function rangeOf({ name, shape }: FloatWeight, values: NewValues) {
  let least = Infinity;
  let largest = -Infinity;
  const size = sizeOf(shape);
  for (let first = 0; first < size; first += PIECE_VALUES) {
    const length = Math.min(PIECE_VALUES, size - first);
    for (const value of await values.read({ name, first, length })) {
      least = Math.min(least, value);
      largest = Math.max(largest, value);
    }
  }
  return { least, largest };
}

function fit(least: number, largest: number, most: number, { min, scale }: GridPlaces) {
  const low = shortNumber(least, "down", min.end - min.begin);
  if (low === undefined) return undefined;
  // A hair more, so that the largest value does not fall behind the last number by rounding.
  const step = ((largest - Number(low)) / most) * (1 + 2 ** -20);
  const high = shortNumber(Math.max(step, Number.MIN_VALUE), "up", scale.end - scale.begin);
  return high === undefined ? undefined : { min: low, scale: high };
}

/** Digits of a double. */
const MOST_DIGITS = 17;

/** The nearest number at most (or at least) as large that takes so many characters of JSON, if any. */
export function shortNumber(
  value: number,
  rounded: "down" | "up",
  room: number,
): string | undefined {
  const fits = (text: string): boolean =>
    text.length <= room &&
    Number.isFinite(Number(text)) &&
    (rounded === "down" ? Number(text) <= value : Number(text) >= value);
  for (let digits = MOST_DIGITS; digits >= 1; digits--) {
    const unit = 10 ** (Math.floor(Math.log10(Math.abs(value) || 1)) - digits + 1);
    const step = rounded === "down" ? -unit : unit;
    for (const near of [value, value + step / 2, value + step]) {
      const plain = String(Number(near.toPrecision(digits)));
      const found = [plain, near.toExponential(digits - 1)].find(fits);
      if (found !== undefined) return found;
    }
  }
  return fits("0") ? "0" : undefined;
}

function patched(text: string, patches: readonly (readonly [NumberPlace, string])[]): Uint8Array {
  const ordered = [...patches].sort(([a], [b]) => a.begin - b.begin);
  const pieces: string[] = [];
  let at = 0;
  for (const [{ begin, end }, number] of ordered) {
    pieces.push(text.slice(at, begin), number.padEnd(end - begin, " "));
    at = end;
  }
  return utf8ToBytes([...pieces, text.slice(at)].join(""));
}
