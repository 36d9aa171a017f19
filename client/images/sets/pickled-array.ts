import {
  globalName,
  isRecord,
  type PickleValue,
} from "../../../protocol/formats/pickle/pickle-values.ts";

/** An array of NumPy's as a pickle holds it. */
export interface PickledArray {
  readonly shape: readonly number[];
  /** Its numbers, as `dtype` stores them. */
  readonly bytes: Uint8Array;
  /** As NumPy names it: `u1`, `i8`. */
  readonly dtype: string;
}

/**
 * Reads an array off the record of how NumPy would make it: of a bare one that is told its state, or of
 * bytes (from protocol 5 on).
 *
 * @returns undefined for what is no array, or one in Fortran's order.
 */
export function pickledArray(value: PickleValue | undefined): PickledArray | undefined {
  if (!isRecord(value, "object") || !isRecord(value.maker, "global")) return undefined;
  const maker = globalName(value.maker);
  if (/^numpy\.(?:_?core)\.multiarray\._reconstruct$/.test(maker)) {
    if (!isRecord(value.state, "tuple")) return undefined;
    const [, shape, dtype, isColumnMajor, bytes] = value.state.items;
    return isColumnMajor === false ? arrayOf(shape, dtype, bytes) : undefined;
  }
  if (/^numpy\.(?:_?core)\.numeric\._frombuffer$/.test(maker)) {
    const [bytes, dtype, shape, order] = value.args;
    return order === "C" ? arrayOf(shape, dtype, bytes) : undefined;
  }
  return undefined;
}

function arrayOf(
  shape: PickleValue | undefined,
  dtype: PickleValue | undefined,
  content: PickleValue | undefined,
): PickledArray | undefined {
  const type = isRecord(dtype, "object") ? dtype.args[0] : undefined;
  const bytes = pickledBytes(content);
  if (!isRecord(shape, "tuple") || typeof type !== "string" || bytes === undefined)
    return undefined;
  const lengths = shape.items.filter((length) => typeof length === "number");
  return lengths.length === shape.items.length ? { shape: lengths, bytes, dtype: type } : undefined;
}

/** Bytes; as text where Python 2 wrote them, encoded in Latin-1 where Python 3 did for it. */
export function pickledBytes(value: PickleValue | undefined): Uint8Array | undefined {
  if (value instanceof Uint8Array) return value;
  if (typeof value === "string") return new TextEncoder().encode(value);
  if (!isRecord(value, "object") || !isRecord(value.maker, "global")) return undefined;
  if (globalName(value.maker) !== "_codecs.encode" || value.args[1] !== "latin1") return undefined;
  const [text] = value.args;
  const decoded = text instanceof Uint8Array ? new TextDecoder().decode(text) : text;
  if (typeof decoded !== "string") return undefined;
  const bytes = new Uint8Array(decoded.length);
  for (let at = 0; at < bytes.length; at++) bytes[at] = decoded.charCodeAt(at);
  return bytes;
}
