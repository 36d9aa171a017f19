import { ProtocolError } from "../../errors.ts";
import { isAside } from "../../model/compare-tensors.ts";
import { sizeOf } from "../../model/values.ts";
import type { ModelFile, TensorPart } from "../model-file.ts";

/** Values that are compared at a time. */
const PIECE_VALUES = 2 ** 18;

/**
 * Whether two sets of tensors of a file are one network twice: the same names, shapes and types, and in
 * float tensors the same values to the bit, those apart that no network uses.
 *
 * @param storedOnce whether the file keeps a tensor of this name once for both
 * @param budget what may be compared
 * @throws ProtocolError `malformed-model` when the file does not hold what it says; `unsupported-model`
 *   beyond the budget.
 */
export async function haveSameValues(
  one: ModelFile,
  other: ModelFile,
  storedOnce: (name: string) => boolean,
  budget: CompareBudget,
): Promise<boolean> {
  if (!haveSameTensors(one, other)) return false;
  for (const tensor of one.tensors) {
    const { name, shape, values } = tensor;
    if (values !== "floats" || isAside(tensor) || storedOnce(name)) continue;
    const size = sizeOf(shape);
    for (let first = 0; first < size; first += PIECE_VALUES) {
      const part = { name, first, length: Math.min(PIECE_VALUES, size - first) };
      budget.take(part.length);
      const [mine, theirs] = [await bitsOf(one, part), await bitsOf(other, part)];
      if (mine.some((bits, index) => bits !== theirs[index])) return false;
    }
  }
  return true;
}

/**
 * How many values may be compared for copies: as many as the file has bytes. Where each has a place of its
 * own there are no more; views of one storage, each a little apart, could be without end.
 */
export class CompareBudget {
  #left: number;

  constructor({ totalBytes }: Pick<ModelFile, "totalBytes">) {
    this.#left = totalBytes;
  }

  take(values: number): void {
    this.#left -= values;
    if (this.#left >= 0) return;
    throw new ProtocolError(
      "unsupported-model",
      "the networks in the file have more values than the file has bytes, so that they overlap each other: save the one that is meant by itself",
    );
  }
}

/** Whether two sets of tensors have the same names, shapes and types, in whatever order. */
export function haveSameTensors(
  one: Pick<ModelFile, "tensors">,
  other: Pick<ModelFile, "tensors">,
): boolean {
  if (one.tensors.length !== other.tensors.length) return false;
  const others = new Map(other.tensors.map((tensor) => [tensor.name, tensor]));
  return one.tensors.every(({ dtype, name, shape }) => {
    const theirs = others.get(name);
    return theirs?.dtype === dtype && theirs.shape.join() === shape.join();
  });
}

async function bitsOf(file: ModelFile, part: TensorPart): Promise<Uint32Array> {
  const bits = new Uint32Array(part.length);
  for await (const { part: got, values } of file.read([part])) {
    const read = new Uint32Array(values.buffer, values.byteOffset, values.length);
    bits.set(read, got.first - part.first);
  }
  return bits;
}
