import { utf8ToBytes } from "@noble/hashes/utils.js";
import { sizeOf } from "../../model/graph.ts";
import { encodeFloats, type FloatEncoding } from "../float-encodings.ts";
import { dtypeBits, type Dtype } from "./dtype.ts";
import { METADATA_KEY, PREFIX_BYTES } from "./header.ts";

/** A tensor to write: float values, rounded into `dtype`, or the bytes of any dtype as they are. */
export type TensorToWrite = { readonly name: string; readonly shape: readonly number[] } & (
  | { readonly dtype: FloatEncoding; readonly values: Float32Array }
  | { readonly dtype: Dtype; readonly bytes: Uint8Array }
);

/**
 * A safetensors file with the tensors in the given order; the header is padded with spaces so that
 * the data starts at a multiple of 8 bytes.
 *
 * @throws RangeError when a tensor's data does not fit its shape, or a name is taken twice.
 *
 * @example
 * writeSafetensors([{ name: "fc.bias", dtype: "F16", shape: [10], values }], { format: "pt" });
 */
export function writeSafetensors(
  tensors: readonly TensorToWrite[],
  metadata?: Readonly<Record<string, string>>,
): Uint8Array<ArrayBuffer> {
  const data = tensors.map((tensor) => {
    const { name, dtype, shape } = tensor;
    const bytes = "values" in tensor ? encodeFloats(tensor.dtype, tensor.values) : tensor.bytes;
    const expected = (sizeOf(shape) * dtypeBits(dtype)) / 8;
    if (bytes.length !== expected) {
      throw new RangeError(
        `tensor '${name}' of shape [${shape.join(", ")}] takes ${expected} bytes as ${dtype}, got ${bytes.length}`,
      );
    }
    return bytes;
  });

  // Written piece by piece: an object would put names that look like numbers first.
  const entries: string[] = [];
  if (metadata !== undefined) entries.push(`"${METADATA_KEY}":${JSON.stringify(metadata)}`);
  const names = new Set([METADATA_KEY]);
  let end = 0;
  tensors.forEach(({ name, dtype, shape }, index) => {
    if (names.has(name)) throw new RangeError(`the tensor name '${name}' is taken already`);
    if (!name.isWellFormed()) throw new RangeError(`'${name}' holds half a surrogate pair`);
    names.add(name);
    const begin = end;
    end += data[index]!.length;
    const entry = { dtype, shape, data_offsets: [begin, end] };
    entries.push(`${JSON.stringify(name)}:${JSON.stringify(entry)}`);
  });
  const json = utf8ToBytes(`{${entries.join(",")}}`);
  const jsonBytes = Math.ceil(json.length / 8) * 8;

  const file = new Uint8Array(PREFIX_BYTES + jsonBytes + end);
  const view = new DataView(file.buffer);
  view.setUint32(0, jsonBytes, true);
  file.fill(0x20, PREFIX_BYTES, PREFIX_BYTES + jsonBytes);
  file.set(json, PREFIX_BYTES);
  let position = PREFIX_BYTES + jsonBytes;
  for (const bytes of data) {
    file.set(bytes, position);
    position += bytes.length;
  }
  return file;
}
