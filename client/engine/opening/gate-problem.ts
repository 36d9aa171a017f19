import { resnet18 } from "../../../protocol/model/architectures/resnet18.ts";
import { entryView, stateLayout, type StateLayout } from "../../../protocol/model/state-layout.ts";
import { freshDistributions, freshValue } from "../../../protocol/reinit/fresh-distribution.ts";
import type { Graph } from "../../../protocol/model/graph.ts";
import type { Batch, SessionOptions } from "../engine.ts";

/** A network with two models and a batch: what a gradient is computed of. */
export interface GateProblem extends SessionOptions {
  readonly student: Float32Array;
  readonly batch: Batch;
}

/** Wide enough that memory matters, small enough for a second's work of a small GPU. */
const WIDTH = 32;
const BATCH = 64;

/** Two fresh ResNet-18 and a batch of noise: what precisions are compared on. */
export function gateProblem(): GateProblem {
  const graph = resnet18({ width: WIDTH, classes: 10 });
  const layout = stateLayout(graph);
  const { height, width, channels } = graph.inputShape;
  const random = uniform(3);
  const values = Float32Array.from(
    { length: BATCH * height * width * channels },
    () => 4 * random() - 2,
  );
  return {
    graph,
    layout,
    teacher: freshState(graph, layout, 1),
    student: freshState(graph, layout, 2),
    batch: { values, size: BATCH },
  };
}

function freshState(graph: Graph, layout: StateLayout, seed: number): Float32Array {
  const distributions = freshDistributions(graph);
  const random = uniform(seed);
  const state = new Float32Array(layout.length);
  for (const entry of layout.entries) {
    const distribution = distributions.get(entry.name);
    const one = entry.role === "norm-scale" || entry.role === "running-variance";
    const values = entryView(state, entry);
    for (let i = 0; i < values.length; i++) {
      values[i] = distribution ? freshValue(distribution, random()) : Number(one);
    }
  }
  return state;
}

/** Uniform in (0, 1), from a 32-bit state (Marsaglia's xorshift). */
function uniform(seed: number): () => number {
  let state = Math.imul(seed, 0x9e3779b1) | 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return ((state >>> 0) + 0.5) / 2 ** 32;
  };
}
