/**
 * float32 as it travels and is stored: little-endian, four bytes a value (SPEC S5). Copies are right on
 * every machine; a view is one only where the machine's own order is that, as everywhere an engine runs.
 */

/** Values as bytes, a copy. */
export function float32Bytes(values: Float32Array): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(4 * values.length);
  const view = new DataView(bytes.buffer);
  for (let i = 0; i < values.length; i++) view.setFloat32(4 * i, values[i]!, true);
  return bytes;
}

/**
 * Bytes as values, a copy.
 *
 * @throws RangeError when the bytes do not divide into values.
 */
export function float32Values(bytes: Uint8Array): Float32Array<ArrayBuffer> {
  requireWhole(bytes);
  const values = new Float32Array(bytes.length / 4);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  for (let i = 0; i < values.length; i++) values[i] = view.getFloat32(4 * i, true);
  return values;
}

/**
 * Bytes as values, without a copy.
 *
 * @throws RangeError when the bytes do not divide into values, or do not begin at one.
 */
export function float32View(bytes: Uint8Array<ArrayBuffer>): Float32Array<ArrayBuffer> {
  requireWhole(bytes);
  return new Float32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4);
}

/** Values as bytes, without a copy. */
export function bytesView(values: Float32Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
}

function requireWhole(bytes: Uint8Array): void {
  if (bytes.length % 4 !== 0) throw new RangeError(`${bytes.length} bytes are no float32 values`);
}
