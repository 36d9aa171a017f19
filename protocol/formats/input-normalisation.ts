import type { NamedTensor } from "../model/named-tensor.ts";
import { sizeOf } from "../model/values.ts";
import type { Finding } from "./finding.ts";
import type { ModelFile } from "./model-file.ts";

/** A mean or standard deviation of pixels, by the words that people have for such buffers. */
const BUFFER = /^(|.*\.)(new_|image_|pixel_|input_)?(?:(means?|mu)|(stds?|sds?|sigma|stddev))$/;

/** A file with more pairs is none that people write. */
const MOST_PAIRS = 16;

/** Colour and grey. */
const CHANNELS = new Set([1, 3]);

/** A standard deviation above this is of pixels from 0 to 255. */
const MOST_OF_UNIT = 2;

/** Tensors, and how their values are read. */
type Holder = Pick<ModelFile, "read" | "tensors">;

/**
 * A model file whose network begins by normalising its pictures, `(x − mean)/std`, with the numbers as
 * buffers (`normalize.mean`, `normalize.std`): they are taken as the preprocessing that they are, and the
 * two tensors are left aside, as often as they are there. Any other file is given back as it is.
 *
 * @param around what stands beside the network: its buffers are taken where the network has none itself
 * @throws ProtocolError `malformed-model` when their values cannot be read.
 */
export async function withInputNormalisation(file: ModelFile, around?: Holder): Promise<ModelFile> {
  if (file.graph !== undefined) return file;
  const own = pairsOf(file.tensors);
  const isAround = own.length === 0 && around !== undefined;
  const holder = isAround ? around : file;
  const [pair, ...others] = isAround ? pairsOf(around.tensors) : own;
  if (pair === undefined || others.length >= MOST_PAIRS) return file;
  const [mean, std] = [await valuesOf(holder, pair.mean), await valuesOf(holder, pair.std)];
  for (const other of others) {
    // Of several that differ nobody says which one the pictures go through.
    if (!isSame(mean, await valuesOf(holder, other.mean))) return file;
    if (!isSame(std, await valuesOf(holder, other.std))) return file;
  }
  if (!mean.every(Number.isFinite) || !std.every((value) => value > 0)) return file;
  const range = Math.max(...std) > MOST_OF_UNIT ? "bytes" : "unit";
  return {
    ...file,
    tensors: withoutNormalisation(file.tensors),
    preprocessing: { range, mean, std, ...file.preprocessing },
    findings: [...file.findings, found(pair, mean, std)],
  };
}

/** Tensors without those that may be means and standard deviations of pixels. */
export function withoutNormalisation(tensors: readonly NamedTensor[]): readonly NamedTensor[] {
  const aside = new Set(pairsOf(tensors).flatMap(({ mean, std }) => [mean, std]));
  return tensors.filter((tensor) => !aside.has(tensor));
}

function isSame(one: readonly number[], other: readonly number[]): boolean {
  return one.length === other.length && one.every((value, index) => value === other[index]);
}

interface Pair {
  readonly mean: NamedTensor;
  readonly std: NamedTensor;
}

function pairsOf(tensors: readonly NamedTensor[]): Pair[] {
  const byPlace = new Map<string, Partial<Pair>>();
  for (const tensor of tensors) {
    const match = BUFFER.exec(tensor.name);
    if (match === null || tensor.values !== "floats" || !isByChannel(tensor.shape)) continue;
    const [, path, word = "", isMean] = match;
    const place = `${path}${word}`;
    byPlace.set(place, {
      ...byPlace.get(place),
      [isMean === undefined ? "std" : "mean"]: tensor,
    });
  }
  return [...byPlace.values()].filter(
    (pair): pair is Pair =>
      pair.mean !== undefined &&
      pair.std !== undefined &&
      sizeOf(pair.mean.shape) === sizeOf(pair.std.shape),
  );
}

/** `[3]`, `[3, 1, 1]`, `[1, 3, 1, 1]`; one channel alike. */
function isByChannel(shape: readonly number[]): boolean {
  const channels = sizeOf(shape);
  return CHANNELS.has(channels) && shape.length <= 4;
}

async function valuesOf(file: Holder, { name, shape }: NamedTensor): Promise<number[]> {
  const given: number[] = [];
  for await (const { values } of file.read([{ name, first: 0, length: sizeOf(shape) }])) {
    given.push(...values);
  }
  // As few digits as a float32 is told by: .485 is no 0.48500001430511475.
  return given.map((value) => Number(value.toPrecision(7)));
}

function found({ mean, std }: Pair, means: readonly number[], stds: readonly number[]): Finding {
  return {
    rule: "normalisation-in-file",
    level: "note",
    message: `the network begins by normalising its pictures with mean ${means.join(", ")} and std ${stds.join(", ")} ('${mean.name}', '${std.name}'): both are taken as its preprocessing, and stay in the file as they are`,
    where: mean.name,
  };
}
