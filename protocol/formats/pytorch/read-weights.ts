import { readBytes, readRuns, type ByteRun, type ByteSource } from "../byte-source.ts";
import { decodeFloats } from "../float-encodings.ts";
import type { TensorPart } from "../model-file.ts";
import type { Storages } from "./storages.ts";
import type { TensorView } from "./tensor-view.ts";
import type { Weight } from "./weights.ts";

interface PartRun extends ByteRun {
  readonly part: TensorPart;
  readonly weight: Weight;
}

/** Most values of a storage that are read in one step for a part whose values do not follow each other. */
const MOST_SCATTERED_VALUES = 2 ** 20;

/**
 * The values of parts of weights, in the order in which they lie, those that lie far apart last.
 *
 * @throws RangeError for a part that no weight has.
 * @throws ProtocolError `malformed-model` when the file does not hold what it says.
 */
export async function* readWeights(
  storages: Storages,
  weights: ReadonlyMap<string, Weight>,
  parts: readonly TensorPart[],
): AsyncGenerator<{ readonly part: TensorPart; readonly values: Float32Array }> {
  const wanted = parts.map((part) => ({ part, weight: weightOf(weights.get(part.name), part) }));
  const places = await storages.locate(wanted.map(({ weight }) => weight.storage.key));
  const runs = wanted.map(({ part, weight }): PartRun => {
    const { storage, view, width } = weight;
    const { begin } = places.get(storage.key)!;
    const [from, to] = view.spanOf(part.first, part.length);
    return { part, weight, begin: begin + from * width, end: begin + to * width };
  });
  const together = runs.filter((run) => !isWide(run));
  for await (const [{ part, weight }, bytes] of readRuns(storages.source, together)) {
    yield { part, values: valuesOf(weight, part, bytes) };
  }
  for (const { part, weight } of runs.filter(isWide)) {
    const { begin } = places.get(weight.storage.key)!;
    yield { part, values: await gathered(storages.source, begin, weight, part) };
  }
}

/** Whether a part's values lie too far apart to be read in one go. */
function isWide({ begin, end, weight: { view, width } }: PartRun): boolean {
  return !view.isInOrder && end - begin > MOST_SCATTERED_VALUES * width;
}

function weightOf(weight: Weight | undefined, { first, length, name }: TensorPart): Weight {
  if (weight === undefined) throw new RangeError(`the file has no float tensor '${name}'`);
  if (first < 0 || length < 0 || first + length > weight.view.size) {
    throw new RangeError(`values ${first} to ${first + length} lie outside '${name}'`);
  }
  return weight;
}

/** Values put in order at a time: bounds the memory that their places take. */
const BLOCK_VALUES = 2 ** 16;

function valuesOf({ encoding, view }: Weight, part: TensorPart, bytes: Uint8Array): Float32Array {
  const stored = decodeFloats(encoding, bytes);
  if (view.isInOrder) return stored;
  const [from] = view.spanOf(part.first, part.length);
  const values = new Float32Array(part.length);
  pick(view, part.first, stored, from, values);
  return values;
}

/** Values of a part that lie too far apart to be read in one go: run by run, and long runs in steps. */
async function gathered(
  source: ByteSource,
  storageBegin: number,
  { encoding, view, width }: Weight,
  part: TensorPart,
): Promise<Float32Array> {
  const values = new Float32Array(part.length);
  for (const [first, length] of view.runsOf(part.first, part.length, MOST_SCATTERED_VALUES)) {
    const picked = values.subarray(first - part.first, first - part.first + length);
    const [from, to] = view.spanOf(first, length);
    for (let at = from; at < to; at += MOST_SCATTERED_VALUES) {
      const end = Math.min(to, at + MOST_SCATTERED_VALUES);
      const bytes = await readBytes(source, storageBegin + at * width, storageBegin + end * width);
      pick(view, first, decodeFloats(encoding, bytes), at, picked);
    }
  }
  return values;
}

/**
 * Puts those of a view's values in order that are in a run of its storage.
 *
 * @param first the view's value that comes first
 * @param from where in the storage the run begins
 */
function pick(
  view: TensorView,
  first: number,
  stored: Float32Array,
  from: number,
  values: Float32Array,
): void {
  for (let begin = 0; begin < values.length; begin += BLOCK_VALUES) {
    const length = Math.min(BLOCK_VALUES, values.length - begin);
    const places = view.places(first + begin, length);
    for (let i = 0; i < length; i++) {
      const index = places[i]! - from;
      if (index >= 0 && index < stored.length) values[begin + i] = stored[index]!;
    }
  }
}
