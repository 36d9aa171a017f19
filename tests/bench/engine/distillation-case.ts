import type { StepSettings, ValueBatch } from "../../../client/engine/engine.ts";
import { compileProgram } from "../../../client/engine/program/compile.ts";
import {
  describeProgram,
  type ProgramDescription,
} from "../../../client/engine/program/describe.ts";
import type { Graph, ParameterRole } from "../../../protocol/model/graph.ts";
import { entryView, stateLayout, type StateLayout } from "../../../protocol/model/state-layout.ts";
import type { Optimizer } from "../../../client/engine/optimizer.ts";
import { localOptimizer, usualOptimizer } from "../../../protocol/round/local-optimizer.ts";
import { networkGraph, type NetworkName } from "./networks.ts";

export interface CaseSize {
  readonly network: NetworkName;
  /** Images a step. */
  readonly batch: number;
}

/** Distillation steps of a network, the same numbers for every engine. */
export interface DistillationProblem {
  readonly graph: Graph;
  readonly layout: StateLayout;
  /** State vectors. */
  readonly teacher: Float32Array;
  readonly student: Float32Array;
  /** Taken in turn, step after step. */
  readonly batches: readonly ValueBatch[];
  readonly optimizer: Optimizer;
  readonly settings: StepSettings;
}

/** Of one of the networks. */
export type DistillationCase = DistillationProblem & CaseSize;

/** More than one, so that nothing is learnt by heart between two steps. */
const DISTINCT_BATCHES = 4;

const MOMENTUM = 0.9;
const TEMPERATURE = 2;
/** Of SGD: less than in a campaign, for weights that were never trained. */
const SGD_RATE = 0.01;

/**
 * A network with random teacher, student and images.
 *
 * @example
 * const { graph, batches } = distillationCase({ network: "resnet18-16", batch: 32 });
 */
export function distillationCase({ network, batch }: CaseSize): DistillationCase {
  return { network, batch, ...problemOf(networkGraph(network), batch) };
}

/** Random teacher, student and images of three channels for a network. */
export function problemOf(graph: Graph, batch: number): DistillationProblem {
  const layout = stateLayout(graph);
  const { height, width } = graph.inputShape;
  const imageLength = height * width * 3;
  const length = batch * imageLength;
  return {
    graph,
    layout,
    teacher: randomState(layout, 1),
    student: randomState(layout, 2),
    batches: Array.from({ length: DISTINCT_BATCHES }, (_, i) => {
      const random = uniform(3 + i);
      // Patches of one colour: noise alone would look the same to the network in every image.
      const values = new Float32Array(length);
      for (let image = 0; image < length; image += imageLength) {
        const tint = [random() * 2, random() * 2, random() * 2];
        for (let k = 0; k < imageLength; k++) values[image + k] = tint[k % 3]! + random();
      }
      return { values, size: batch };
    }),
    ...trainingOf(graph),
  };
}

/** By the optimiser that the network's family is trained with. */
function trainingOf(graph: Graph): Pick<DistillationProblem, "optimizer" | "settings"> {
  const { optimizer, ...settings } = localOptimizer(
    { momentum: MOMENTUM, warmUp: 0 },
    usualOptimizer(graph),
  );
  const learningRate = optimizer === "sgd" ? SGD_RATE : settings.learningRate;
  return { optimizer, settings: { ...settings, learningRate, temperature: TEMPERATURE } };
}

const whole = (): number => 1;

/** What one step costs, in float32 operations; the same for whoever computes it. */
export function caseCost({ network, batch }: CaseSize): ProgramDescription {
  const graph = networkGraph(network);
  const program = compileProgram({
    graph,
    layout: stateLayout(graph),
    mode: "distil",
    batch: { groupSize: batch, groups: 1 },
    tiling: {
      convolveParts: whole,
      inputGradientParts: whole,
      rowParts: whole,
      filterParts: whole,
      depthwise: { forwardParts: whole, inputGradientParts: whole, filterParts: whole },
    },
  });
  return describeProgram(program);
}

/** Uniform in [−1, 1), from a 32-bit state (Marsaglia's xorshift). */
function uniform(seed: number): () => number {
  let state = Math.imul(seed, 0x9e3779b1) | 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return state / 2 ** 31;
  };
}

function randomState(layout: StateLayout, seed: number): Float32Array {
  const random = uniform(seed);
  const state = new Float32Array(layout.length);
  for (const entry of layout.entries) {
    const { middle, radius } = rangeOf(entry.role, entry.shape);
    const values = entryView(state, entry);
    for (let i = 0; i < values.length; i++) values[i] = middle + radius * random();
  }
  return state;
}

/** Where a parameter's random values lie; convolutions with He's variance over their inputs. */
function rangeOf(
  role: ParameterRole,
  shape: readonly number[],
): { middle: number; radius: number } {
  const fanIn = shape.slice(1).reduce((product, extent) => product * extent, 1);
  switch (role) {
    case "conv-weight":
    case "linear-weight":
      return { middle: 0, radius: Math.sqrt(6 / fanIn) };
    case "norm-scale":
      return { middle: 1, radius: 0.3 };
    case "running-variance":
      return { middle: 2, radius: 1 };
    case "layer-scale":
    case "embedding":
      return { middle: 0, radius: 1 };
    case "norm-shift":
    case "conv-bias":
    case "linear-bias":
    case "running-mean":
      return { middle: 0, radius: 0.2 };
    default:
      return role satisfies never;
  }
}
