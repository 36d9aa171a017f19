import type { Graph, Operation, ValueId } from "../../../../protocol/model/graph.ts";
import { referenceOf } from "./reference-activations.ts";
import { concat, joined, moved, scale as scaleChannels } from "./reference-channels.ts";
import {
  activate,
  averagePool,
  convolve,
  linear,
  normalise,
  normMoments,
  type Moments,
  type Tensor,
} from "./reference-operations.ts";
import { maxPool, sharedMeans, windowMeans } from "./reference-pooling.ts";
import { runNorm, softmax } from "./reference-run-norms.ts";
import { addEmbedding, attention, cut, prepend } from "./reference-tokens.ts";
import { moveOf, normInput, runNormInput, stored, type Store } from "./reference-steps.ts";

export type ParametersByName = ReadonlyMap<string, Tensor>;

/** One pass of a graph over a batch, with every value kept. */
export interface ReferencePass {
  readonly mode: "training" | "evaluation";
  readonly values: ReadonlyMap<ValueId, Tensor>;
  readonly logits: Tensor;
  /** Moments each batch norm (by its output) took: group by group, or the running ones. */
  readonly moments: ReadonlyMap<ValueId, readonly Moments[]>;
  /**
   * Smallest distance of an activation's input, but for zeros, from where its derivative jumps; and of
   * a pooling's largest value from the others.
   */
  readonly rectifierMargin: number;
  /** Smallest variance/mean² of any channel that a batch norm takes moments of. */
  readonly normSpread: number;
}

/** Images to a norm group in training mode, and how many of them, its first, are not copies. */
export interface NormGroups {
  readonly size: number;
  readonly clean: number;
}

/**
 * Executes a graph forward.
 *
 * @param normGroups "evaluation" takes the running statistics instead.
 * @param store applied to every value an operation gives
 */
export function runForward(
  graph: Graph,
  parameters: ParametersByName,
  images: Tensor,
  normGroups: NormGroups | "evaluation",
  store: Store,
): ReferencePass {
  const values = new Map<ValueId, Tensor>([[graph.input, images]]);
  const moments = new Map<ValueId, readonly Moments[]>();
  let rectifierMargin = Infinity;
  let normSpread = Infinity;
  const value = (id: ValueId): Tensor => values.get(id)!;
  const parameter = (name: string): Tensor => parameters.get(name)!;

  const run = (operation: Operation): Tensor => {
    switch (operation.kind) {
      case "conv2d":
        return convolve(
          value(operation.input),
          parameter(operation.weight),
          operation.bias === undefined ? undefined : parameter(operation.bias),
          operation,
        );
      case "batch-norm": {
        const x = value(operation.input);
        const found: readonly Moments[] =
          normGroups === "evaluation"
            ? [
                {
                  mean: parameter(operation.runningMean).values,
                  variance: parameter(operation.runningVariance).values,
                  count: 0,
                },
              ]
            : normMoments(x, normGroups.size, normGroups.clean);
        moments.set(operation.output, found);
        if (normGroups !== "evaluation") normSpread = Math.min(normSpread, spreadOf(found));
        return normalise(normInput(operation, x, parameter), found);
      }
      case "activation": {
        const x = value(operation.input);
        const activation = referenceOf(operation.activation);
        for (const v of x.values) {
          // A sum of zeros (padding, rectified values) is 0 in every precision.
          if (v === 0) continue;
          for (const kink of activation.kinks) {
            rectifierMargin = Math.min(rectifierMargin, Math.abs(v - kink));
          }
        }
        return activate(x, activation);
      }
      case "add":
        return joined(
          value(operation.inputs[0]),
          value(operation.inputs[1]),
          (one, other) => one + other,
        );
      case "multiply":
        return joined(
          value(operation.inputs[0]),
          value(operation.inputs[1]),
          (one, other) => one * other,
        );
      case "scale":
        return scaleChannels(value(operation.input), parameter(operation.factor));
      case "max-pool": {
        const { y, lead } = maxPool(value(operation.input), operation);
        rectifierMargin = Math.min(rectifierMargin, lead);
        return y;
      }
      case "average-pool":
        return windowMeans(value(operation.input), operation);
      case "adaptive-average-pool":
        return sharedMeans(value(operation.input), operation.size);
      case "concat":
        return concat(operation.inputs.map(value), operation.axis);
      case "slice-channels":
      case "pad-channels":
      case "shuffle-channels":
      case "flatten": {
        const x = value(operation.input);
        return moved(x, moveOf(operation, x.shape));
      }
      case "global-average-pool":
        return averagePool(value(operation.input));
      case "linear":
        return linear(
          value(operation.input),
          parameter(operation.weight),
          operation.bias === undefined ? undefined : parameter(operation.bias),
        );
      case "layer-norm":
      case "group-norm":
        return runNorm(runNormInput(operation, value(operation.input), parameter));
      case "softmax":
        return softmax(value(operation.input));
      case "to-tokens": {
        const { shape, values: found } = value(operation.input);
        return { shape: [shape[0]!, shape[1]! * shape[2]!, shape[3]!], values: found };
      }
      case "prepend-tokens":
        return prepend(value(operation.input), parameter(operation.embedding));
      case "add-embedding":
        return addEmbedding(value(operation.input), parameter(operation.embedding));
      case "slice-tokens":
        return cut(value(operation.input), operation.from, operation.to - operation.from);
      case "take-token": {
        const { shape, values: found } = cut(value(operation.input), operation.index, 1);
        return { shape: [shape[0]!, shape[2]!], values: found };
      }
      case "attention": {
        const [q, k, v] = operation.inputs.map(value) as [Tensor, Tensor, Tensor];
        return attention(q, k, v, operation.heads);
      }
      default:
        return operation satisfies never;
    }
  };
  for (const operation of graph.operations) {
    values.set(operation.output, stored(run(operation), store));
  }
  const mode = normGroups === "evaluation" ? "evaluation" : "training";
  return { mode, values, logits: value(graph.output), moments, rectifierMargin, normSpread };
}

function spreadOf(moments: readonly Moments[]): number {
  let spread = Infinity;
  for (const { mean, variance } of moments) {
    variance.forEach((value, c) => {
      // A channel of zeros has the mean 0 and the variance 0 in every precision.
      if (mean[c] !== 0) spread = Math.min(spread, value / mean[c]! ** 2);
    });
  }
  return spread;
}
