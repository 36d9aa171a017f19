import { ProtocolError } from "../errors.ts";
import type { NetworkSettings } from "../model/network-settings.ts";
import { recognise } from "../model/recognise.ts";
import type { LayoutEntry, StateLayout } from "../model/state-layout.ts";
import { bareConvolutions } from "./bare-convolutions.ts";
import { bytesInMemory, type ByteSource } from "./byte-source.ts";
import { networkAnswers } from "./network-answers.ts";
import { openModelFile } from "./open-model-file.ts";
import type { OpenModel } from "./open-model.ts";
import type { ModelFile, TensorPart } from "./model-file.ts";
import { withStandIns } from "./stand-in-file.ts";

export interface ImportedModel extends OpenModel {
  /** The state vector; length `layout.length`. */
  readonly state: Float32Array<ArrayBuffer>;
}

/**
 * Opens a model file of any format and architecture that is known.
 *
 * @param network answers to what tensors do not tell; the file's own stand in for those left out
 * @throws ProtocolError `malformed-model`, `unsupported-model`, or `malformed-request` for an answer
 *   that is missing or does not fit.
 *
 * @example
 * const model = await openModel(source, campaign.config.network);
 * const slice = await readState(model, 0, model.layout.slices[0].length);
 */
export async function openModel(
  source: ByteSource,
  network: NetworkSettings = {},
): Promise<OpenModel> {
  return recogniseFile(await openModelFile(source, network), network);
}

/**
 * Recognises the network of an open file.
 *
 * @param file as `openModelFile` opened it with the same answers
 * @param network as `openModel` takes it
 * @throws ProtocolError `unsupported-model`, or `malformed-request` as `openModel`.
 */
export function recogniseFile(file: ModelFile, network: NetworkSettings = {}): OpenModel {
  const { standInNorms } = network;
  const recognised = recognise(file.tensors, networkAnswers(file, network), file.graph);
  const preprocessing = { ...recognised.preprocessing, ...file.preprocessing };
  const { findings, foldedNorms } = file;
  const found = foldedNorms === undefined ? [] : bareConvolutions(recognised.graph, foldedNorms);
  const told = { ...file, findings: [...findings, ...found] };
  const { prefix } = file;
  const answered = { ...recognised.network, ...(prefix !== undefined && { prefix }) };
  const model = { file: told, ...recognised, network: answered, preprocessing };
  if (standInNorms === undefined) return model;
  if (standInNorms) return withStandIns(model);
  return { ...model, network: { ...model.network, standInNorms } };
}

/**
 * Reads a whole model file.
 *
 * @param network as `openModel` takes it
 * @throws ProtocolError as `openModel`, or `non-finite-weights`.
 *
 * @example
 * const { graph, layout, state } = await importModel(await readFile("teacher.safetensors"));
 */
export async function importModel(
  file: Uint8Array,
  network: NetworkSettings = {},
): Promise<ImportedModel> {
  const model = await openModel(bytesInMemory(file), network);
  return { ...model, state: await readState(model, 0, model.layout.length) };
}

/** The parts of tensors that make up values [offset, offset + length) of the state vector, in order. */
function partsOf(layout: StateLayout, offset: number, length: number): TensorPart[] {
  if (offset < 0 || length < 0 || offset + length > layout.length) {
    throw new RangeError(`values ${offset} to ${offset + length} lie outside the state vector`);
  }
  return layout.entries.flatMap((entry) => {
    const from = Math.max(offset, entry.offset);
    const to = Math.min(offset + length, entry.offset + entry.size);
    const { name } = entry;
    return from < to ? [{ name, first: from - entry.offset, length: to - from }] : [];
  });
}

/**
 * Values [offset, offset + length) of the state vector, without the rest of the file.
 *
 * @throws RangeError when they lie outside the state vector.
 * @throws ProtocolError `non-finite-weights`, naming tensor and index (SPEC W5).
 */
export async function readState(
  { file, layout }: OpenModel,
  offset: number,
  length: number,
): Promise<Float32Array<ArrayBuffer>> {
  const state = new Float32Array(length);
  const entries = new Map(layout.entries.map((entry) => [entry.name, entry]));
  for await (const { part, values } of file.read(partsOf(layout, offset, length))) {
    const entry = entries.get(part.name)!;
    checkValues(entry, values, part.first);
    state.set(values, entry.offset + part.first - offset);
  }
  return state;
}

/**
 * A state vector in a file like the one its model came in, piece by piece (SPEC W4).
 *
 * @param state gives values [offset, offset + length) of the state vector
 * @throws ProtocolError `non-finite-weights` when a value is not finite as the file stores it.
 *
 * @example
 * for await (const piece of restoreModel(model, (from, n) => student.subarray(from, from + n))) {
 *   await writer.write(piece);
 * }
 */
export function restoreModel(
  { file, layout }: Pick<OpenModel, "layout"> & { readonly file: Pick<ModelFile, "restore"> },
  state: (offset: number, length: number) => Float32Array | Promise<Float32Array>,
): AsyncIterable<Uint8Array> {
  const offsets = new Map(layout.entries.map(({ name, offset }) => [name, offset]));
  return file.restore({
    has: (name) => offsets.has(name),
    read: ({ name, first, length }) => state(offsets.get(name)! + first, length),
  });
}

/**
 * Weights are finite and running variances not negative (SPEC W5).
 *
 * @param first index of `values[0]` within the tensor
 */
function checkValues(entry: LayoutEntry, values: Float32Array, first: number): void {
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
