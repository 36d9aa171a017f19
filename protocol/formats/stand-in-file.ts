import { ProtocolError } from "../errors.ts";
import { inferShapes } from "../model/infer-shapes.ts";
import type { NamedTensor } from "../model/named-tensor.ts";
import {
  convolutionsByNorm,
  STAND_IN_EPSILON,
  withStandInNorms,
  type StandIn,
} from "../model/stand-in-norms.ts";
import { stateLayout } from "../model/state-layout.ts";
import type { OpenModel } from "./open-model.ts";
import type { ModelFile, NewValues, TensorPart } from "./model-file.ts";

/**
 * A model whose file may have had its batch norms folded away, with norms that stand in for them (SPEC L):
 * to whoever reads it a file with their tensors behind its own; what is restored has them folded again, so
 * that the file stays what it was.
 *
 * @param model as its file has it
 * @throws ProtocolError `malformed-request` where its file has no place for such norms, `unsupported-model`
 *   where it has a tensor of the name of one of theirs.
 */
export function withStandIns(model: OpenModel): OpenModel {
  const { file, network } = model;
  if (!hasPlacesForNorms(model)) {
    throw new ProtocolError(
      "malformed-request",
      `network.standInNorms is for ONNX files and TensorFlow.js graph models with convolutions that have a bias and no norm: ${file.kind}, ${model.graph.architecture}, has none: leave it out`,
    );
  }
  const { graph, standIns } = withStandInNorms(model.graph);
  inferShapes(graph);
  const own = new Set(file.tensors.map(({ name }) => name));
  const added = standIns.flatMap(standInTensors);
  const tensors = [...file.tensors, ...added];
  const twice = added.find(({ name }) => own.has(name));
  if (twice !== undefined) {
    throw new ProtocolError(
      "unsupported-model",
      `the file has a tensor '${twice.name}', as the norm that would stand in there is called: set network.standInNorms to false`,
    );
  }
  return {
    ...model,
    graph,
    layout: stateLayout(
      graph,
      tensors.map(({ name }) => name),
    ),
    network: { ...network, standInNorms: true },
    file: {
      ...file,
      tensors,
      graph,
      read: (parts) => readWithStandIns(file, standIns, parts),
      restore: (values) => file.restore(foldedValues(standIns, values)),
      widened: async () => {
        const wide = await file.widened?.();
        if (wide === undefined) return undefined;
        return { ...wide, restore: (values) => wide.restore(foldedValues(standIns, values)) };
      },
    },
  };
}

/** Whether norms could stand in for such as the model's file may have folded (SPEC L1). */
export function hasPlacesForNorms({ file, graph }: OpenModel): boolean {
  return file.foldedNorms !== undefined && convolutionsByNorm(graph).places.length > 0;
}

/** Of a norm that changes nothing, and does so exactly: what the teacher has (SPEC L3). */
function identityOf({ norm }: StandIn): readonly (readonly [name: string, value: number])[] {
  return [
    [norm.scale, 1],
    [norm.shift, 0],
    [norm.runningMean, 0],
    [norm.runningVariance, 1 - STAND_IN_EPSILON],
  ];
}

function standInTensors(standIn: StandIn): NamedTensor[] {
  return identityOf(standIn).map(([name]) => ({
    name,
    shape: [standIn.channels],
    dtype: "F32",
    values: "floats",
  }));
}

async function* readWithStandIns(
  file: ModelFile,
  standIns: readonly StandIn[],
  parts: readonly TensorPart[],
): ReturnType<ModelFile["read"]> {
  const constants = new Map(standIns.flatMap(identityOf));
  yield* file.read(parts.filter(({ name }) => !constants.has(name)));
  for (const part of parts) {
    const value = constants.get(part.name);
    if (value === undefined) continue;
    yield { part, values: new Float32Array(part.length).fill(value) };
  }
}

/** A norm in evaluation mode, by channel: x·gain + offset. */
interface Affine {
  readonly gains: Float64Array;
  readonly offsets: Float64Array;
}

/**
 * Values with every stand-in folded into weight and bias of its convolution (SPEC L6): W·s and b·s + β − μ·s,
 * s = γ/√(v + ε), in double. The root is rounded to float32 first, as γ was when the norm was made: s is 1,
 * exactly, where neither was trained.
 */
function foldedValues(standIns: readonly StandIn[], values: NewValues): NewValues {
  const byTensor = new Map(
    standIns.flatMap((standIn) => {
      const { bias, weight } = standIn.convolution;
      return [[weight, standIn] as const, [bias, standIn] as const];
    }),
  );
  const affines = new Map<StandIn, Promise<Affine>>();
  return {
    has: (name) => values.has(name),
    read: async (part) => {
      const given = await values.read(part);
      const standIn = byTensor.get(part.name);
      if (standIn === undefined) return given;
      const affine = affines.get(standIn) ?? readAffine(standIn, values);
      affines.set(standIn, affine);
      return part.name === standIn.convolution.bias
        ? foldedBias(given, part, await affine)
        : foldedWeight(given, part, standIn, await affine);
    },
  };
}

async function readAffine({ channels, norm }: StandIn, values: NewValues): Promise<Affine> {
  const read = async (name: string): Promise<Float32Array> =>
    Float32Array.from(await values.read({ name, first: 0, length: channels }));
  const scale = await read(norm.scale);
  const shift = await read(norm.shift);
  const mean = await read(norm.runningMean);
  const variance = await read(norm.runningVariance);
  const gains = Float64Array.from(
    scale,
    (gamma, c) => gamma / Math.fround(Math.sqrt(variance[c]! + norm.epsilon)),
  );
  return { gains, offsets: Float64Array.from(shift, (beta, c) => beta - mean[c]! * gains[c]!) };
}

function foldedWeight(
  given: Float32Array,
  { first }: TensorPart,
  { channelSize }: StandIn,
  { gains }: Affine,
): Float32Array {
  return given.map((value, i) => value * gains[Math.floor((first + i) / channelSize)]!);
}

function foldedBias(
  given: Float32Array,
  { first }: TensorPart,
  { gains, offsets }: Affine,
): Float32Array {
  return given.map((value, i) => {
    const scaled = value * gains[first + i]!;
    const offset = offsets[first + i]!;
    // −0 keeps its sign.
    return offset === 0 ? scaled : scaled + offset;
  });
}
