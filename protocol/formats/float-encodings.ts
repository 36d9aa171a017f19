import { ProtocolError } from "../errors.ts";
import { float32Bytes, float32Values } from "../floats.ts";
import {
  bfloat16ToNumber,
  float16ToNumber,
  numberToBfloat16,
  numberToFloat16,
} from "../half-precision.ts";

/**
 * How files store the floats that weights may be (SPEC W3): float32, binary16 and bfloat16, all
 * little-endian. Reading is exact for each of them.
 */
export type FloatEncoding = "F32" | "F16" | "BF16";

/** Bytes per value. */
export function floatBytes(encoding: FloatEncoding): 2 | 4 {
  return encoding === "F32" ? 4 : 2;
}

/** From here on a value rounds to infinity: halfway from the largest finite one to the next step. */
const OVERFLOW: Readonly<Record<FloatEncoding, number>> = {
  F32: Infinity,
  F16: 65520,
  BF16: (2 - 2 ** -8) * 2 ** 127,
};

/** Index of the first value that is not finite once it is encoded; −1 when all are. */
export function beyondEncoding(encoding: FloatEncoding, values: Float32Array): number {
  const limit = OVERFLOW[encoding];
  return values.findIndex((value) => !(Math.abs(value) < limit));
}

/**
 * Bytes as float32 values, a copy.
 *
 * @throws ProtocolError `malformed-model` when the bytes do not divide into values.
 */
export function decodeFloats(
  encoding: FloatEncoding,
  bytes: Uint8Array,
): Float32Array<ArrayBuffer> {
  const width = floatBytes(encoding);
  if (bytes.length % width !== 0) {
    throw new ProtocolError(
      "malformed-model",
      `${bytes.length} bytes do not divide into ${encoding} values of ${width} bytes`,
    );
  }
  if (encoding === "F32") return float32Values(bytes);
  const widen = encoding === "F16" ? float16ToNumber : bfloat16ToNumber;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  return Float32Array.from({ length: bytes.length / 2 }, (_, i) =>
    widen(view.getUint16(2 * i, true)),
  );
}

/** Float32 values as bytes, rounded to nearest, ties to even. */
export function encodeFloats(
  encoding: FloatEncoding,
  values: Float32Array,
): Uint8Array<ArrayBuffer> {
  if (encoding === "F32") return float32Bytes(values);
  const narrow = encoding === "F16" ? numberToFloat16 : numberToBfloat16;
  const bytes = new Uint8Array(2 * values.length);
  const view = new DataView(bytes.buffer);
  for (let i = 0; i < values.length; i++) view.setUint16(2 * i, narrow(values[i]!), true);
  return bytes;
}
