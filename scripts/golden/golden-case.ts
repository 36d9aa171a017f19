import { labelledImages } from "../../client/demo/labelled-images.ts";
import { RECORD_BYTES } from "../../client/images/cifar-records.ts";
import type { LoadedImages } from "../../client/images/image-set.ts";
import type { Normalisation } from "../../client/distil/normalise.ts";
import { bytesInMemory } from "../../protocol/formats/byte-source.ts";
import { openModelFile } from "../../protocol/formats/open-model-file.ts";
import { importModel, type ImportedModel } from "../../protocol/formats/import-model.ts";
import { sizeOf } from "../../protocol/model/graph.ts";

/** `run.json` of a golden folder; every part may be left out. */
export interface GoldenRun {
  /** Teacher and images, relative to the folder. */
  readonly teacher: string;
  readonly images: string;
  readonly batchSize: number;
  readonly learningRate: number;
  readonly momentum: number;
  readonly weightDecay: number;
  readonly normalisation: Normalisation;
}

/** The run of a folder that says nothing else. */
const DEFAULT_RUN: GoldenRun = {
  teacher: "../../models/c10-badnets-w16.safetensors",
  images: "../../data/cifar10/pool5k.bin",
  batchSize: 32,
  learningRate: 0.01,
  momentum: 0.9,
  weightDecay: 5e-4,
  normalisation: { mean: [0.4914, 0.4822, 0.4465], std: [0.247, 0.2435, 0.2616] },
};

/** `expected.json`, with the number of steps taken out of its keys. */
interface Expected {
  readonly teacherLogits: readonly (readonly number[])[];
  readonly trainingLogits: readonly (readonly number[])[];
  readonly losses: readonly number[];
  readonly temperatures: readonly number[];
  readonly finalLogits: readonly (readonly number[])[];
}

/** A distillation run made by an independent implementation, for an engine to reproduce. */
export interface GoldenCase {
  readonly run: GoldenRun;
  readonly expected: Expected;
  readonly teacher: ImportedModel;
  readonly student: ImportedModel;
  readonly final: ImportedModel;
  /** Gradient of the first loss without weight decay, by tensor. */
  readonly gradient: ReadonlyMap<string, Float32Array>;
  readonly images: LoadedImages;
}

/** Reads one file of the folder, by its path relative to it. */
export type ReadFile = (path: string) => Promise<Uint8Array>;

/**
 * Reads a golden folder: `expected.json`, `student0`, `gradient0` and `student<steps>` as
 * safetensors, and teacher and CIFAR records where `run.json` (if there) or `overrides` say.
 *
 * @throws Error when a file is missing or does not hold what its name says.
 */
export async function readGoldenCase(
  readFile: ReadFile,
  recorded: Partial<GoldenRun> = {},
): Promise<GoldenCase> {
  const run = { ...DEFAULT_RUN, ...recorded };
  const text = new TextDecoder().decode(await readFile("expected.json"));
  const expected = parseExpected(JSON.parse(text) as Record<string, unknown>);
  const [teacher, student, final, gradient, images] = await Promise.all([
    readFile(run.teacher).then(importModel),
    readFile("student0.safetensors").then(importModel),
    readFile(`student${expected.losses.length}.safetensors`).then(importModel),
    readFile("gradient0.safetensors").then(readTensors),
    readFile(run.images).then((file) => cifarImages(run.images, file)),
  ]);
  return { run, expected, teacher, student, final, gradient, images };
}

function parseExpected(document: Record<string, unknown>): Expected {
  const find = (pattern: RegExp): unknown => {
    const key = Object.keys(document).find((name) => pattern.test(name));
    if (key === undefined) throw new Error(`expected.json has no key like ${pattern}`);
    return document[key];
  };
  return {
    teacherLogits: find(/^teacher_logits_first\d+$/) as number[][],
    trainingLogits: find(/^student_logits_batch0_first\d+_train_mode$/) as number[][],
    losses: find(/^losses$/) as number[],
    temperatures: find(/^temperature$/) as number[],
    finalLogits: find(/^student\d+_logits_first\d+_eval_mode$/) as number[][],
  };
}

async function readTensors(bytes: Uint8Array): Promise<Map<string, Float32Array>> {
  const file = await openModelFile(bytesInMemory(bytes));
  const parts = file.tensors.map(({ name, shape }) => ({ name, first: 0, length: sizeOf(shape) }));
  const tensors = new Map<string, Float32Array>();
  for await (const { part, values } of file.read(parts)) tensors.set(part.name, values);
  return tensors;
}

function cifarImages(name: string, file: Uint8Array): LoadedImages {
  if (file.length % RECORD_BYTES !== 0) throw new Error(`${name} is no file of CIFAR-10 records`);
  return labelledImages(file).images;
}
