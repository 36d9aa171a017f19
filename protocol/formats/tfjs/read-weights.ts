import { sizeOf } from "../../model/values.ts";
import { readBytes, readRuns } from "../byte-source.ts";
import type { TensorPart } from "../model-file.ts";
import { isAsStored, place, type Axes } from "./axes.ts";
import { bytesOf, type FloatStorage, type Manifest, type StoredWeight } from "./manifest.ts";
import { decodeStored, isFloatStorage } from "./stored-values.ts";

/** A weight of floats, and the order of its axes. */
export interface FloatWeight extends StoredWeight {
  readonly storage: FloatStorage;
  readonly axes: Axes;
}

/** Bytes read in one step. */
const PIECE_BYTES = 2 ** 20;

interface PartValues {
  readonly part: TensorPart;
  readonly values: Float32Array;
}

/** Whether a weight holds floats, which weights of networks are. */
export function isFloatWeight(
  weight: StoredWeight,
): weight is StoredWeight & { storage: FloatStorage } {
  return isFloatStorage(weight.storage);
}

/**
 * Values of parts of weights. A weight whose axes are turned is gone through once for all its parts.
 *
 * @throws RangeError for a part that no weight has.
 */
export async function* readWeights(
  manifest: Manifest,
  weights: ReadonlyMap<string, FloatWeight>,
  parts: readonly TensorPart[],
): AsyncGenerator<PartValues> {
  const straight = new Map<number, (TensorPart & { readonly weight: FloatWeight })[]>();
  const turned = new Map<FloatWeight, TensorPart[]>();
  for (const part of parts) {
    const weight = weights.get(part.name);
    if (weight === undefined) throw new RangeError(`the model has no float tensor '${part.name}'`);
    if (part.first < 0 || part.length < 0 || part.first + part.length > sizeOf(weight.shape)) {
      throw new RangeError(
        `values ${part.first} to ${part.first + part.length} lie outside '${part.name}'`,
      );
    }
    if (isAsStored(weight.axes)) add(straight, weight.group, { ...part, weight });
    else add(turned, weight, part);
  }
  for (const [group, wanted] of straight) {
    const runs = wanted.map(({ weight, ...part }) => {
      const begin = weight.begin + part.first * bytesOf(weight.storage);
      return { begin, end: begin + part.length * bytesOf(weight.storage), part, weight };
    });
    for await (const [{ part, weight }, bytes] of readRuns(manifest.groups[group]!.source, runs)) {
      yield { part, values: decodeStored(weight.storage, bytes) };
    }
  }
  for (const [weight, wanted] of turned) yield* readTurned(manifest, weight, wanted);
}

function add<Key, Item>(lists: Map<Key, Item[]>, key: Key, item: Item): void {
  const list = lists.get(key);
  if (list === undefined) lists.set(key, [item]);
  else list.push(item);
}

async function* readTurned(
  { groups }: Manifest,
  { axes, begin, end, group, storage }: FloatWeight,
  parts: readonly TensorPart[],
): AsyncGenerator<PartValues> {
  const wanted = parts.map((part) => ({ part, values: new Float32Array(part.length) }));
  const width = bytesOf(storage);
  for (let from = begin; from < end; from += PIECE_BYTES) {
    const to = Math.min(end, from + PIECE_BYTES);
    const values = decodeStored(storage, await readBytes(groups[group]!.source, from, to));
    for (const { part, values: given } of wanted) {
      place(axes, values, (from - begin) / width, given, part.first);
    }
  }
  yield* wanted;
}
