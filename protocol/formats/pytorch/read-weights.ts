import { readRuns, type ByteRun } from "../byte-source.ts";
import { decodeFloats } from "../float-encodings.ts";
import type { TensorPart } from "../model-file.ts";
import type { Storages } from "./storages.ts";
import type { Weight } from "./weights.ts";

interface PartRun extends ByteRun {
  readonly part: TensorPart;
  readonly weight: Weight;
}

/**
 * The values of parts of weights, in the order in which they lie.
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
  for await (const [{ part, weight }, bytes] of readRuns(storages.source, runs)) {
    yield { part, values: valuesOf(weight, part, bytes) };
  }
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
  for (let begin = 0; begin < part.length; begin += BLOCK_VALUES) {
    const length = Math.min(BLOCK_VALUES, part.length - begin);
    const places = view.places(part.first + begin, length);
    for (let i = 0; i < length; i++) values[begin + i] = stored[places[i]! - from]!;
  }
  return values;
}
