import type { SupervisedSettings } from "../../../../client/engine/engine.ts";
import type { Graph } from "../../../../protocol/model/graph.ts";
import type { ReferencePass } from "./reference-network.ts";
import type { Tensor } from "./reference-operations.ts";

/** Rounds a value to what it is stored in. */
type Store = (value: number) => number;

/** r ← (1 − momentum)·r + momentum·batch, once for each norm group, unbiased variance. */
export function advanceStatistics(
  graph: Graph,
  student: ReadonlyMap<string, Tensor>,
  pass: ReferencePass,
  store: Store,
): void {
  for (const operation of graph.operations) {
    if (operation.kind !== "batch-norm") continue;
    const { momentum } = operation;
    for (const { mean, variance, count } of pass.moments.get(operation.output)!) {
      const advance = (name: string, batch: Float64Array): void => {
        const running = student.get(name)!.values;
        running.forEach((r, c) => {
          running[c] = store((1 - momentum) * r + momentum * batch[c]!);
        });
      };
      advance(operation.runningMean, mean);
      advance(
        operation.runningVariance,
        variance.map((value) => (value * count) / (count - 1)),
      );
    }
  }
}

/**
 * v ← μ·v + g + λ·θ, θ ← θ − η·v.
 *
 * @param velocity by parameter; from zero where there is none
 * @param gradients by parameter, and others
 */
export function descend(
  student: ReadonlyMap<string, Tensor>,
  velocity: Map<string, Float64Array>,
  gradients: ReadonlyMap<string, Tensor>,
  { learningRate, momentum, weightDecay }: SupervisedSettings,
  store: Store,
): void {
  for (const [name, { values: gradient }] of gradients) {
    const theta = student.get(name)?.values;
    if (!theta) continue;
    const before = velocity.get(name) ?? new Float64Array(theta.length);
    const next = before.map((v, i) => store(momentum * v + gradient[i]! + weightDecay * theta[i]!));
    next.forEach((v, i) => (theta[i] = store(theta[i]! - learningRate * v)));
    velocity.set(name, next);
  }
}
