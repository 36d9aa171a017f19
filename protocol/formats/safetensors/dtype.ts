import type { FloatEncoding } from "../float-encodings.ts";

/**
 * Bits per value of every dtype that the safetensors format defines. All can be carried through a
 * file; only the floats of `FloatEncoding` are ever read as numbers.
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

export function isDtype(name: string): name is Dtype {
  return Object.hasOwn(DTYPE_BITS, name);
}

/** Whether a model's weights may have the dtype (SPEC W3). */
export function isFloatDtype(dtype: Dtype): dtype is FloatEncoding {
  return dtype === "F32" || dtype === "F16" || dtype === "BF16" || dtype === "F64";
}

/** Whether the dtype holds whole numbers or truth values: what a step counter is stored in. */
export function isIntegerDtype(dtype: Dtype): boolean {
  return /^(BOOL|[UI]\d+)$/.test(dtype);
}

export function dtypeBits(dtype: Dtype): number {
  return DTYPE_BITS[dtype];
}
