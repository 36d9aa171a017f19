import { sizeOf } from "../../model/values.ts";
import { readRuns } from "../byte-source.ts";
import { bytesOf, type Manifest, type StoredWeight } from "./manifest.ts";
import { decodeStored, isFloatStorage } from "./stored-values.ts";

/** Constants of more values are weights, and no axes, paddings or factors. */
const MOST_VALUES = 16;

/** Numbers by the weight's name. */
export type SmallConstants = ReadonlyMap<string, readonly number[]>;

/**
 * What the small constants of a graph hold: axes, shapes, paddings, factors.
 */
export async function smallConstants(manifest: Manifest): Promise<SmallConstants> {
  const constants = new Map<string, readonly number[]>();
  for (const [index, { source }] of manifest.groups.entries()) {
    const runs = manifest.weights.filter(
      ({ group, shape }) => group === index && sizeOf(shape) <= MOST_VALUES,
    );
    for await (const [weight, bytes] of readRuns(source, runs)) {
      constants.set(weight.name, numbersOf(weight, bytes));
    }
  }
  return constants;
}

function numbersOf({ storage }: StoredWeight, bytes: Uint8Array): number[] {
  if (isFloatStorage(storage)) return [...decodeStored(storage, bytes)];
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const width = bytesOf(storage);
  return Array.from({ length: bytes.length / width }, (_, i) =>
    storage.kind === "int32" ? view.getInt32(width * i, true) : view.getUint8(i),
  );
}
