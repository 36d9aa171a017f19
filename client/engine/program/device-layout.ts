import type { StateLayout } from "../../../protocol/model/state-layout.ts";

/** Convolution weights `[out, in, kh, kw]` (the state vector's) → `[kh, kw, in, out]`. */
export function toChannelsLast(
  values: Float32Array,
  shape: readonly number[],
): Float32Array<ArrayBuffer> {
  const [out = 0, input = 0, height = 0, width = 0] = shape;
  const area = height * width;
  const result = new Float32Array(values.length);
  let source = 0;
  for (let o = 0; o < out; o++) {
    for (let i = 0; i < input; i++) {
      for (let k = 0; k < area; k++) result[(k * input + i) * out + o] = values[source++]!;
    }
  }
  return result;
}

/** Inverse of `toChannelsLast`, written to `result`; `shape` is still `[out, in, kh, kw]`. */
export function fromChannelsLast(
  values: Float32Array,
  shape: readonly number[],
  result: Float32Array,
): void {
  const [out = 0, input = 0, height = 0, width = 0] = shape;
  const area = height * width;
  let target = 0;
  for (let o = 0; o < out; o++) {
    for (let i = 0; i < input; i++) {
      for (let k = 0; k < area; k++) result[target++] = values[(k * input + i) * out + o]!;
    }
  }
}

/**
 * The state vector, or its trainable section, with convolution weights channels-last; every tensor
 * stays where it is.
 */
export function toDeviceLayout(
  vector: Float32Array,
  layout: StateLayout,
): Float32Array<ArrayBuffer> {
  const result = new Float32Array(vector);
  for (const { role, shape, offset, size } of layout.entries) {
    if (role !== "conv-weight" || offset >= vector.length) continue;
    result.set(toChannelsLast(vector.subarray(offset, offset + size), shape), offset);
  }
  return result;
}

/** Inverse of `toDeviceLayout`. */
export function fromDeviceLayout(
  vector: Float32Array,
  layout: StateLayout,
): Float32Array<ArrayBuffer> {
  const result = new Float32Array(vector);
  for (const { role, shape, offset, size } of layout.entries) {
    if (role !== "conv-weight" || offset >= vector.length) continue;
    const values = vector.subarray(offset, offset + size);
    fromChannelsLast(values, shape, result.subarray(offset, offset + size));
  }
  return result;
}
