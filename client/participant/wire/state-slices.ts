import { float32Bytes, float32Values } from "../../../protocol/floats.ts";
import type { Slice, StateLayout } from "../../../protocol/model/state-layout.ts";

/** One slice of a state vector as it travels: little-endian float32 (SPEC S5), a copy. */
export function sliceBytes(state: Float32Array, slice: Slice): Uint8Array<ArrayBuffer> {
  return float32Bytes(state.subarray(slice.offset, slice.offset + slice.length));
}

/**
 * A state vector from its slices.
 *
 * @param slices bytes of each slice, by index
 */
export function stateFromSlices(
  layout: StateLayout,
  slices: readonly Uint8Array[],
): Float32Array<ArrayBuffer> {
  const state = new Float32Array(layout.length);
  for (const { index, offset } of layout.slices) state.set(float32Values(slices[index]!), offset);
  return state;
}
