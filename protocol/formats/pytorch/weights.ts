import { ProtocolError } from "../../errors.ts";
import type { NamedTensor } from "../../model/named-tensor.ts";
import type { FloatEncoding } from "../float-encodings.ts";
import type { Storages } from "./storages.ts";
import type { Storage, StoredTensor } from "./tensor-records.ts";
import { TensorView } from "./tensor-view.ts";

/** A tensor that may be a weight: how its values lie in its storage is checked. */
export interface Weight {
  readonly name: string;
  readonly storage: Storage;
  readonly encoding: FloatEncoding;
  /** Bytes per value. */
  readonly width: number;
  readonly view: TensorView;
}

/**
 * The float tensors of a state dict, by name.
 *
 * @throws ProtocolError `unsupported-model` for one whose values lie as none are read.
 */
export function weightsOf(tensors: ReadonlyMap<string, StoredTensor>): Map<string, Weight> {
  const weights = new Map<string, Weight>();
  for (const [name, tensor] of tensors) {
    const { dtype, storage } = tensor;
    const { bytes: width, encoding } = dtype;
    if (encoding === undefined) continue;
    weights.set(name, { name, storage, encoding, width, view: new TensorView(tensor, name) });
  }
  return weights;
}

/**
 * That the file has the storages of all tensors, as long as the pickle says.
 *
 * @throws ProtocolError `malformed-model`, naming the tensor.
 */
export function checkStorages(
  tensors: ReadonlyMap<string, StoredTensor>,
  storages: Storages,
): void {
  for (const [name, { storage }] of tensors) {
    const bytes = storages.bytesOf(storage.key);
    if (bytes === storage.bytes) continue;
    throw new ProtocolError(
      "malformed-model",
      `tensor '${name}' lies in storage '${storage.key}' of ${storage.bytes} bytes, and the file has ${bytes === undefined ? "none of this name" : `${bytes} bytes there`}: it is damaged, fetch it again`,
    );
  }
}

/** What is said of a state dict's tensors, in its order. */
export function namedTensors(tensors: ReadonlyMap<string, StoredTensor>): NamedTensor[] {
  return Array.from(tensors, ([name, { dtype, shape }]) => ({
    name,
    shape,
    dtype: dtype.name,
    values: dtype.values,
  }));
}

/** Weights by the storage that they are views of. */
export function byStorage(weights: Iterable<Weight>): Map<string, Weight[]> {
  const grouped = new Map<string, Weight[]>();
  for (const weight of weights) {
    const { key } = weight.storage;
    const group = grouped.get(key);
    if (group === undefined) grouped.set(key, [weight]);
    else group.push(weight);
  }
  return grouped;
}

/** Names of weights that have stored values in common with another, which come out changed alike. */
export function namesInCommon(weights: Iterable<Weight>): ReadonlySet<string> {
  return new Set([...byStorage(weights).values()].flatMap(overlapping));
}

function overlapping(views: readonly Weight[]): string[] {
  const spans = views
    .map(({ name, view, width }) => {
      const [begin, end] = view.spanOf(0, view.size);
      return { name, begin: begin * width, end: end * width };
    })
    .sort((a, b) => a.begin - b.begin);
  let reached = 0;
  const common = new Set<string>();
  for (const [index, { begin, end, name }] of spans.entries()) {
    if (begin < reached) common.add(spans[index - 1]!.name).add(name);
    reached = Math.max(reached, end);
  }
  return [...common];
}
