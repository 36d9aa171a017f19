import { sizeOf } from "../../model/values.ts";
import type { ModelFile, TensorPart } from "../model-file.ts";

/** Values that are compared at a time. */
const PIECE_VALUES = 2 ** 18;

/**
 * Whether two sets of tensors of a file are one network twice: the same names, shapes and types, and in
 * float tensors the same values to the bit.
 *
 * @param storedOnce whether the file keeps a tensor of this name once for both
 * @throws ProtocolError `malformed-model` when the file does not hold what it says.
 */
export async function haveSameValues(
  one: ModelFile,
  other: ModelFile,
  storedOnce: (name: string) => boolean,
): Promise<boolean> {
  if (!haveSameTensors(one, other)) return false;
  for (const { name, shape, values } of one.tensors) {
    if (values !== "floats" || storedOnce(name)) continue;
    const size = sizeOf(shape);
    for (let first = 0; first < size; first += PIECE_VALUES) {
      const part = { name, first, length: Math.min(PIECE_VALUES, size - first) };
      const [mine, theirs] = [await bitsOf(one, part), await bitsOf(other, part)];
      if (mine.some((bits, index) => bits !== theirs[index])) return false;
    }
  }
  return true;
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
