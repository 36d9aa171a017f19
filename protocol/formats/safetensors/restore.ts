import { ProtocolError } from "../../errors.ts";
import type { StateLayout } from "../../model/state-layout.ts";
import { encodeFloats, isFloatDtype, type FloatDtype } from "./dtype.ts";
import type { SafetensorsHeader } from "./header.ts";

/**
 * The way back out: a state vector in the file that the model came in. Header, tensor order, names,
 * dtypes and metadata are the source's, byte for byte; tensors that are not part of the state
 * vector (step counters) keep their bytes (SPEC W4).
 */

/** Most values written in one step: bounds the memory of a restore by pieces. */
const PIECE_VALUES = 2 ** 18;

/** From here on a value rounds to infinity: halfway from the largest finite one to the next step. */
const OVERFLOW: Readonly<Record<FloatDtype, number>> = {
  F32: Infinity,
  F16: 65520,
  BF16: (2 - 2 ** -8) * 2 ** 127,
};

/** Where a restore by pieces gets its data. */
export interface RestoreSource {
  /** Values [offset, offset + length) of the state vector. */
  state(offset: number, length: number): Float32Array | Promise<Float32Array>;
  /** Bytes [begin, end) of the source file. */
  original(begin: number, end: number): Uint8Array | Promise<Uint8Array>;
}

type RestoreStep =
  | { readonly kind: "original"; readonly begin: number; readonly end: number }
  | {
      readonly kind: "state";
      readonly name: string;
      readonly dtype: FloatDtype;
      readonly offset: number;
      readonly length: number;
      /** Index of the first value within its tensor. */
      readonly first: number;
    };

function* restoreSteps(header: SafetensorsHeader, layout: StateLayout): Generator<RestoreStep> {
  const entries = new Map(layout.entries.map((entry) => [entry.name, entry]));
  for (const { name, dtype, begin, end } of header.tensors) {
    const entry = entries.get(name);
    if (entry === undefined) {
      for (let from = begin; from < end; from += 4 * PIECE_VALUES) {
        yield { kind: "original", begin: from, end: Math.min(end, from + 4 * PIECE_VALUES) };
      }
      continue;
    }
    if (!isFloatDtype(dtype)) throw new TypeError(`tensor '${name}' of the layout is ${dtype}`);
    for (let first = 0; first < entry.size; first += PIECE_VALUES) {
      const length = Math.min(PIECE_VALUES, entry.size - first);
      yield { kind: "state", name, dtype, offset: entry.offset + first, length, first };
    }
  }
}

function encodeStep(step: RestoreStep & { kind: "state" }, values: Float32Array): Uint8Array {
  if (values.length !== step.length) {
    throw new RangeError(`${step.length} values were asked for, ${values.length} came`);
  }
  const limit = OVERFLOW[step.dtype];
  const beyond = values.findIndex((value) => !(Math.abs(value) < limit));
  if (beyond >= 0) {
    throw new ProtocolError(
      "non-finite-weights",
      `tensor '${step.name}' holds ${values[beyond]} at index ${step.first + beyond}, which ${step.dtype} cannot hold`,
    );
  }
  return encodeFloats(step.dtype, values);
}

/**
 * The restored file piece by piece, each piece at most 1 MiB after the header.
 *
 * @throws ProtocolError `non-finite-weights` when a value is not finite in the source's dtype.
 *
 * @example
 * for await (const piece of restorePieces(header, layout, source)) writer.write(piece);
 */
export async function* restorePieces(
  header: SafetensorsHeader,
  layout: StateLayout,
  source: RestoreSource,
): AsyncGenerator<Uint8Array> {
  yield header.bytes;
  for (const step of restoreSteps(header, layout)) {
    if (step.kind === "original") yield await source.original(step.begin, step.end);
    else yield encodeStep(step, await source.state(step.offset, step.length));
  }
}

/**
 * The restored file at once.
 *
 * @param original the whole source file
 * @throws ProtocolError `non-finite-weights` when a value is not finite in the source's dtype.
 */
export function restoreFile(
  original: Uint8Array,
  header: SafetensorsHeader,
  layout: StateLayout,
  state: Float32Array,
): Uint8Array<ArrayBuffer> {
  const file = new Uint8Array(header.totalBytes);
  file.set(header.bytes);
  let position = header.bytes.length;
  for (const step of restoreSteps(header, layout)) {
    const piece =
      step.kind === "original"
        ? original.subarray(step.begin, step.end)
        : encodeStep(step, state.subarray(step.offset, step.offset + step.length));
    file.set(piece, position);
    position += piece.length;
  }
  return file;
}
