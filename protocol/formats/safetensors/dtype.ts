import { ProtocolError } from "../../errors.ts";
import {
  bfloat16ToNumber,
  float16ToNumber,
  numberToBfloat16,
  numberToFloat16,
} from "../../half-precision.ts";

/**
 * Bits per value of every dtype that the safetensors format defines. All can be carried through a
 * file; only the floats of `FloatDtype` and I64 are ever read as numbers.
 */
const DTYPE_BITS = {
  BOOL: 8,
  F4: 4,
  F6_E2M3: 6,
  F6_E3M2: 6,
  U8: 8,
  I8: 8,
  F8_E5M2: 8,
  F8_E4M3: 8,
  F8_E8M0: 8,
  F8_E4M3FNUZ: 8,
  F8_E5M2FNUZ: 8,
  I16: 16,
  U16: 16,
  F16: 16,
  BF16: 16,
  I32: 32,
  U32: 32,
  F32: 32,
  C64: 64,
  F64: 64,
  I64: 64,
  U64: 64,
} as const;

export type Dtype = keyof typeof DTYPE_BITS;

/** The dtypes a model's weights may have (SPEC W3). */
export type FloatDtype = "F32" | "F16" | "BF16";

export function isDtype(name: string): name is Dtype {
  return Object.hasOwn(DTYPE_BITS, name);
}

export function isFloatDtype(dtype: Dtype): dtype is FloatDtype {
  return dtype === "F32" || dtype === "F16" || dtype === "BF16";
}

/** Whether the dtype holds whole numbers or truth values: what a step counter is stored in. */
export function isIntegerDtype(dtype: Dtype): boolean {
  return /^(BOOL|[UI]\d+)$/.test(dtype);
}

export function dtypeBits(dtype: Dtype): number {
  return DTYPE_BITS[dtype];
}

/** Bytes per value of a float dtype. */
export function floatBytes(dtype: FloatDtype): 2 | 4 {
  return dtype === "F32" ? 4 : 2;
}

/**
 * Little-endian bytes of a float dtype as float32 values; exact for all three dtypes.
 *
 * @throws ProtocolError `malformed-model` when the bytes do not divide into values.
 */
export function decodeFloats(dtype: FloatDtype, bytes: Uint8Array): Float32Array<ArrayBuffer> {
  const width = floatBytes(dtype);
  if (bytes.length % width !== 0) {
    throw new ProtocolError(
      "malformed-model",
      `${bytes.length} bytes do not divide into ${dtype} values of ${width} bytes`,
    );
  }
  const values = new Float32Array(bytes.length / width);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  if (dtype === "F32") {
    for (let i = 0; i < values.length; i++) values[i] = view.getFloat32(4 * i, true);
  } else {
    const widen = dtype === "F16" ? float16ToNumber : bfloat16ToNumber;
    for (let i = 0; i < values.length; i++) values[i] = widen(view.getUint16(2 * i, true));
  }
  return values;
}

/** Float32 values as little-endian bytes of a float dtype, rounded to nearest, ties to even. */
export function encodeFloats(dtype: FloatDtype, values: Float32Array): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(values.length * floatBytes(dtype));
  const view = new DataView(bytes.buffer);
  if (dtype === "F32") {
    for (let i = 0; i < values.length; i++) view.setFloat32(4 * i, values[i]!, true);
  } else {
    const narrow = dtype === "F16" ? numberToFloat16 : numberToBfloat16;
    for (let i = 0; i < values.length; i++) view.setUint16(2 * i, narrow(values[i]!), true);
  }
  return bytes;
}

/** Little-endian bytes of an I64 tensor (`num_batches_tracked`). */
export function decodeInt64(bytes: Uint8Array): BigInt64Array {
  if (bytes.length % 8 !== 0) {
    throw new ProtocolError(
      "malformed-model",
      `${bytes.length} bytes do not divide into I64 values of 8 bytes`,
    );
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  return BigInt64Array.from({ length: bytes.length / 8 }, (_, i) => view.getBigInt64(8 * i, true));
}
