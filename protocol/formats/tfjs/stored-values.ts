import { decodeFloats, encodeFloats } from "../float-encodings.ts";
import type { FloatStorage, Storage } from "./manifest.ts";

/** Numbers that stand for floats, `min + number·scale`. */
export interface Grid {
  readonly min: number;
  readonly scale: number;
}

export function isFloatStorage(storage: Storage): storage is FloatStorage {
  return storage.kind !== "int32" && storage.kind !== "bool";
}

/** The largest number that stands for a value. */
export function mostOf(kind: "uint8" | "uint16"): number {
  return kind === "uint8" ? 0xff : 0xffff;
}

/** A number's value, as TensorFlow.js computes it (tfjs-core `io/io_utils.ts`). */
export function valueOf(number: number, { min, scale }: Grid): number {
  return Math.fround(number * scale + min);
}

/** Bytes as values, a copy. */
export function decodeStored(storage: FloatStorage, bytes: Uint8Array): Float32Array<ArrayBuffer> {
  switch (storage.kind) {
    case "float32":
      return decodeFloats("F32", bytes);
    case "float16":
      return decodeFloats("F16", bytes);
    case "uint8":
    case "uint16":
      return valuesOf(numbersOf(storage.kind, bytes), storage);
  }
}

function valuesOf(numbers: ArrayLike<number>, grid: Grid): Float32Array<ArrayBuffer> {
  const values = new Float32Array(numbers.length);
  for (let i = 0; i < values.length; i++) values[i] = valueOf(numbers[i]!, grid);
  return values;
}

/**
 * Values as bytes; of numbers the nearest. One that the bytes there are read as keeps them.
 *
 * @param grid what numbers stand for
 * @param stored the bytes there, where the grid is the file's own
 */
export function encodeStored(
  kind: FloatStorage["kind"],
  values: Float32Array,
  grid: Grid,
  stored?: Uint8Array,
): Uint8Array {
  switch (kind) {
    case "float32":
      return encodeFloats("F32", values);
    case "float16":
      return encodeFloats("F16", values);
    case "uint8":
    case "uint16": {
      const most = mostOf(kind);
      const before = stored && numbersOf(kind, stored);
      const numbers =
        kind === "uint8" ? new Uint8Array(values.length) : new Uint16Array(values.length);
      for (let i = 0; i < values.length; i++) {
        const value = values[i]!;
        const kept = before?.[i];
        numbers[i] =
          kept !== undefined && valueOf(kept, grid) === value
            ? kept
            : Math.min(most, Math.max(0, Math.round((value - grid.min) / grid.scale)));
      }
      return numbers instanceof Uint8Array ? numbers : littleEndian(numbers);
    }
  }
}

function numbersOf(kind: "uint8" | "uint16", bytes: Uint8Array): ArrayLike<number> {
  if (kind === "uint8") return bytes;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const numbers = new Uint16Array(bytes.length / 2);
  for (let i = 0; i < numbers.length; i++) numbers[i] = view.getUint16(2 * i, true);
  return numbers;
}

function littleEndian(numbers: Uint16Array): Uint8Array {
  const bytes = new Uint8Array(2 * numbers.length);
  const view = new DataView(bytes.buffer);
  for (let i = 0; i < numbers.length; i++) view.setUint16(2 * i, numbers[i]!, true);
  return bytes;
}
