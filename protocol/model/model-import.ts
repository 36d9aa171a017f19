import { ProtocolError } from "../errors.ts";
import {
  decodeFloats,
  floatBytes,
  isFloatDtype,
  type FloatDtype,
} from "../formats/safetensors/dtype.ts";
import { parseHeader, type SafetensorsHeader } from "../formats/safetensors/header.ts";
import { recognise, type RecognisedModel } from "./recognise.ts";
import type { LayoutEntry, StateLayout } from "./state-layout.ts";

export interface ImportedModel extends RecognisedModel {
  readonly header: SafetensorsHeader;
  /** The state vector; length `layout.length`. */
  readonly state: Float32Array<ArrayBuffer>;
}

/**
 * Reads a whole model file: header, architecture, values.
 *
 * @throws ProtocolError `malformed-model`, `unsupported-model` or `non-finite-weights`.
 *
 * @example
 * const { graph, layout, state } = importModel(await readFile("teacher.safetensors"));
 */
export function importModel(file: Uint8Array): ImportedModel {
  const header = parseHeader(file, file.length);
  const { graph, layout } = recognise(header.tensors);
  const state = new Float32Array(layout.length);
  for (const run of sourceRuns(header, layout, 0, layout.length)) {
    state.set(readRun(run, file.subarray(run.begin, run.end)), run.entry.offset);
  }
  return { header, graph, layout, state };
}

/** A run of the state vector as it lies in the source file. */
export interface SourceRun {
  readonly entry: LayoutEntry;
  readonly dtype: FloatDtype;
  /** Index of the first value within its tensor. */
  readonly first: number;
  readonly length: number;
  /** Bytes of the file. */
  readonly begin: number;
  readonly end: number;
}

/**
 * Where values [offset, offset + length) of the state vector lie in the source file, tensor by
 * tensor, so that a slice can be read without the rest.
 *
 * @example
 * for (const run of sourceRuns(header, layout, slice.offset, slice.length)) {
 *   values.push(readRun(run, await readRange(run.begin, run.end)));
 * }
 */
export function sourceRuns(
  header: SafetensorsHeader,
  layout: StateLayout,
  offset: number,
  length: number,
): readonly SourceRun[] {
  if (offset < 0 || length < 0 || offset + length > layout.length) {
    throw new RangeError(`values ${offset} to ${offset + length} lie outside the state vector`);
  }
  const tensors = new Map(header.tensors.map((tensor) => [tensor.name, tensor]));
  const runs: SourceRun[] = [];
  for (const entry of layout.entries) {
    const from = Math.max(offset, entry.offset);
    const to = Math.min(offset + length, entry.offset + entry.size);
    if (from >= to) continue;
    const tensor = tensors.get(entry.name);
    if (tensor === undefined || !isFloatDtype(tensor.dtype)) {
      throw new RangeError(`the file has no float tensor '${entry.name}': the layout is another's`);
    }
    const dtype = tensor.dtype;
    const first = from - entry.offset;
    const begin = tensor.begin + first * floatBytes(dtype);
    const end = begin + (to - from) * floatBytes(dtype);
    runs.push({ entry, dtype, first, length: to - from, begin, end });
  }
  return runs;
}

/**
 * Values of a run, checked as `importModel` checks them.
 *
 * @param bytes bytes [run.begin, run.end) of the source file
 * @throws ProtocolError `non-finite-weights`; `malformed-model` when `bytes` has another length.
 */
export function readRun(run: SourceRun, bytes: Uint8Array): Float32Array<ArrayBuffer> {
  if (bytes.length !== run.end - run.begin) {
    throw new ProtocolError(
      "malformed-model",
      `tensor '${run.entry.name}': ${run.end - run.begin} bytes were asked for, ${bytes.length} came`,
    );
  }
  const values = decodeFloats(run.dtype, bytes);
  checkValues(run.entry, values, run.first);
  return values;
}

/**
 * Weights are finite and running variances not negative (SPEC W5).
 *
 * @param first index of `values[0]` within the tensor
 */
function checkValues(entry: LayoutEntry, values: Float32Array, first = 0): void {
  const lowest = entry.role === "running-variance" ? 0 : -Infinity;
  for (let i = 0; i < values.length; i++) {
    const value = values[i]!;
    if (Number.isFinite(value) && value >= lowest) continue;
    throw new ProtocolError(
      "non-finite-weights",
      Number.isFinite(value)
        ? `tensor '${entry.name}' holds the variance ${value} at index ${first + i}: it must not be negative`
        : `tensor '${entry.name}' holds ${value} at index ${first + i}: export the model again after a training run that did not diverge`,
      { tensor: entry.name, index: first + i },
    );
  }
}
