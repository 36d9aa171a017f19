import { ProtocolError } from "../errors.ts";
import { float32Bytes, float32Values } from "../floats.ts";
import {
  bfloat16ToNumber,
  float16ToNumber,
  numberToBfloat16,
  numberToFloat16,
} from "../half-precision.ts";

/**
 * How files store the floats that weights may be (SPEC W3): float32, binary16, bfloat16 and float64, all
 * little-endian. Reading is exact for each of them but the last, which is rounded to float32.
 */
export type FloatEncoding = "F32" | "F16" | "BF16" | "F64";

const BYTES: Readonly<Record<FloatEncoding, 2 | 4 | 8>> = { F32: 4, F16: 2, BF16: 2, F64: 8 };

/** Bytes per value. */
export function floatBytes(encoding: FloatEncoding): 2 | 4 | 8 {
  return BYTES[encoding];
}

/** From here on a value rounds to infinity: halfway from the largest finite one to the next step. */
const OVERFLOW: Readonly<Record<FloatEncoding, number>> = {
  F32: Infinity,
  F16: 65520,
  BF16: (2 - 2 ** -8) * 2 ** 127,
  F64: Infinity,
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
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const values = new Float32Array(bytes.length / width);
  const fill = (read: (at: number) => number): Float32Array<ArrayBuffer> => {
    for (let i = 0; i < values.length; i++) values[i] = read(i * width);
    return values;
  };
  switch (encoding) {
    case "F16":
      return fill((at) => float16ToNumber(view.getUint16(at, true)));
    case "BF16":
      return fill((at) => bfloat16ToNumber(view.getUint16(at, true)));
    case "F64":
      return fill((at) => view.getFloat64(at, true));
  }
}

/** Float32 values as bytes, rounded to nearest, ties to even. */
export function encodeFloats(
  encoding: FloatEncoding,
  values: Float32Array,
): Uint8Array<ArrayBuffer> {
  if (encoding === "F32") return float32Bytes(values);
  const width = floatBytes(encoding);
  const bytes = new Uint8Array(width * values.length);
  const view = new DataView(bytes.buffer);
  const fill = (write: (at: number, value: number) => void): Uint8Array<ArrayBuffer> => {
    for (let i = 0; i < values.length; i++) write(i * width, values[i]!);
    return bytes;
  };
  switch (encoding) {
    case "F16":
      return fill((at, value) => view.setUint16(at, numberToFloat16(value), true));
    case "BF16":
      return fill((at, value) => view.setUint16(at, numberToBfloat16(value), true));
    case "F64":
      return fill((at, value) => view.setFloat64(at, value, true));
  }
}

/** Whether every value of the encoding is a float32 too. */
export function isExact(encoding: FloatEncoding): boolean {
  return encoding !== "F64";
}

/**
 * Values as bytes that take the place of `stored`: one that the stored bytes are read as keeps them, so
 * that what reading rounded comes back unrounded.
 */
export function encodeOver(
  encoding: FloatEncoding,
  values: Float32Array,
  stored: Uint8Array,
): Uint8Array<ArrayBuffer> {
  const bytes = encodeFloats(encoding, values);
  const width = floatBytes(encoding);
  const before = decodeFloats(encoding, stored);
  for (let i = 0; i < values.length; i++) {
    if (before[i] !== values[i]) continue;
    for (let at = i * width; at < (i + 1) * width; at++) bytes[at] = stored[at]!;
  }
  return bytes;
}
