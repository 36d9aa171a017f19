import type { Slice, StateLayout } from "../../../protocol/model/state-layout.ts";

/** One slice of a state vector as it travels: little-endian float32 (SPEC S5), a copy. */
export function sliceBytes(state: Float32Array, slice: Slice): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(slice.length * 4);
  const view = new DataView(bytes.buffer);
  for (let i = 0; i < slice.length; i++) view.setFloat32(i * 4, state[slice.offset + i]!, true);
  return bytes;
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
  for (const { index, length, offset } of layout.slices) {
    const bytes = slices[index]!;
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    for (let i = 0; i < length; i++) state[offset + i] = view.getFloat32(i * 4, true);
  }
  return state;
}
