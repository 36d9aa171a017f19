import type { Graph, Operation, ValueId } from "../../../../protocol/model/graph.ts";
import { referenceOf } from "./reference-activations.ts";
import {
  concat,
  concatBackward,
  flatten,
  joined,
  joinedBackward,
  moved,
  movedBack,
  scale as scaleChannels,
  scaleBackward,
  shiftChannels,
  shuffleChannels,
} from "./reference-channels.ts";
import {
  activate,
  activateBackward,
  add,
  averagePool,
  averagePoolBackward,
  convolve,
  convolveBackward,
  linear,
  linearBackward,
  normalise,
  normaliseBackward,
  normaliseBackwardToInput,
  normMoments,
  zeros,
  type Moments,
  type Tensor,
} from "./reference-operations.ts";

import {
  maxPool,
  maxPoolBackward,
  sharedMeans,
  sharedMeansBackward,
  windowMeans,
  windowMeansBackward,
} from "./reference-pooling.ts";

export type ParametersByName = ReadonlyMap<string, Tensor>;

/** Rounds a value to what it is stored in between operations. */
type Store = (value: number) => number;

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
      default:
        throw noReference(operation);
    }
  };
  for (const operation of graph.operations) {
    values.set(operation.output, stored(run(operation), store));
  }
  const mode = normGroups === "evaluation" ? "evaluation" : "training";
  return { mode, values, logits: value(graph.output), moments, rectifierMargin, normSpread };
}

/**
 * Gradients of every trainable parameter by name, and of the images under the input's id; in
 * evaluation mode those of norms are left out.
 */
export function runBackward(
  graph: Graph,
  parameters: ParametersByName,
  pass: ReferencePass,
  dLogits: Tensor,
  store: Store,
): Map<string, Tensor> {
  const byParameter = new Map<string, Tensor>();
  const byValue = new Map<ValueId, Tensor>([[graph.output, dLogits]]);
  const value = (id: ValueId): Tensor => pass.values.get(id)!;
  const parameter = (name: string): Tensor => parameters.get(name)!;
  /** Of each use of a parameter. */
  const move = (name: string, gradient: Tensor): void => {
    const present = byParameter.get(name);
    byParameter.set(name, present ? add(present, gradient) : gradient);
  };
  const give = (id: ValueId, gradient: Tensor): void => {
    const present = byValue.get(id);
    byValue.set(id, stored(present ? add(present, gradient) : gradient, store));
  };

  for (const operation of graph.operations.toReversed()) {
    const dy = byValue.get(operation.output) ?? zeros(value(operation.output).shape);
    switch (operation.kind) {
      case "conv2d": {
        const { input, weight, bias } = operation;
        const found = convolveBackward(dy, value(input), parameter(weight), operation);
        move(weight, found.dWeight);
        if (bias !== undefined) move(bias, found.dBias);
        give(input, found.dx);
        break;
      }
      case "batch-norm": {
        const input = normInput(operation, value(operation.input), parameter);
        const moments = pass.moments.get(operation.output)!;
        if (pass.mode === "evaluation") {
          give(operation.input, normaliseBackwardToInput(dy, input, moments[0]!));
          break;
        }
        const found = normaliseBackward(dy, input, moments);
        if (operation.scale !== undefined) move(operation.scale, found.dScale);
        if (operation.shift !== undefined) move(operation.shift, found.dShift);
        give(operation.input, found.dx);
        break;
      }
      case "activation": {
        const activation = referenceOf(operation.activation);
        give(operation.input, activateBackward(dy, value(operation.input), activation));
        break;
      }
      case "add":
        give(operation.inputs[0], dy);
        give(
          operation.inputs[1],
          joinedBackward(dy, value(operation.inputs[1]).shape, () => 1),
        );
        break;
      case "multiply": {
        const [a, b] = [value(operation.inputs[0]), value(operation.inputs[1])];
        give(
          operation.inputs[0],
          joined(dy, b, (one, other) => one * other),
        );
        give(
          operation.inputs[1],
          joinedBackward(dy, b.shape, (i) => a.values[i]!),
        );
        break;
      }
      case "scale": {
        const { input, factor } = operation;
        const found = scaleBackward(dy, value(input), parameter(factor));
        byParameter.set(factor, found.dFactor);
        give(input, found.dx);
        break;
      }
      case "max-pool":
        give(operation.input, maxPoolBackward(dy, value(operation.input), operation));
        break;
      case "average-pool":
        give(operation.input, windowMeansBackward(dy, value(operation.input).shape, operation));
        break;
      case "adaptive-average-pool":
        give(operation.input, sharedMeansBackward(dy, value(operation.input).shape));
        break;
      case "concat": {
        const shapes = operation.inputs.map((id) => value(id).shape);
        concatBackward(dy, shapes, operation.axis).forEach((dx, i) => {
          give(operation.inputs[i]!, dx);
        });
        break;
      }
      case "slice-channels":
      case "pad-channels":
      case "shuffle-channels":
      case "flatten": {
        const { shape } = value(operation.input);
        give(operation.input, movedBack(dy, shape, moveOf(operation, shape)));
        break;
      }
      case "global-average-pool":
        give(operation.input, averagePoolBackward(dy, value(operation.input).shape));
        break;
      case "linear": {
        const { input, weight, bias } = operation;
        const found = linearBackward(dy, value(input), parameter(weight));
        move(weight, found.dWeight);
        if (bias !== undefined) move(bias, found.dBias);
        give(input, found.dx);
        break;
      }
      default:
        throw noReference(operation);
    }
  }
  byParameter.set(graph.input, byValue.get(graph.input) ?? zeros(value(graph.input).shape));
  return byParameter;
}

function moveOf(
  operation: Extract<
    Operation,
    { kind: "slice-channels" | "pad-channels" | "shuffle-channels" | "flatten" }
  >,
  shape: readonly number[],
) {
  switch (operation.kind) {
    case "slice-channels":
      return shiftChannels(shape, operation.to - operation.from, operation.from);
    case "pad-channels": {
      const { before, after } = operation;
      return shiftChannels(shape, before + shape.at(-1)! + after, -before);
    }
    case "shuffle-channels":
      return shuffleChannels(shape, operation.groups);
    case "flatten":
      return flatten(shape, operation.order);
    default:
      return operation satisfies never;
  }
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

function stored({ shape, values }: Tensor, store: Store): Tensor {
  return { shape, values: values.map((value) => store(value)) };
}

function normInput(
  operation: Operation & { kind: "batch-norm" },
  x: Tensor,
  parameter: (name: string) => Tensor,
): { x: Tensor; scale: Tensor; shift: Tensor; epsilon: number } {
  const { scale, shift, epsilon } = operation;
  const channels = x.shape.at(-1)!;
  const constant = (value: number): Tensor => ({
    shape: [channels],
    values: new Float64Array(channels).fill(value),
  });
  return {
    x,
    scale: scale === undefined ? constant(1) : parameter(scale),
    shift: shift === undefined ? constant(0) : parameter(shift),
    epsilon,
  };
}

function noReference({ kind }: Operation): Error {
  return new Error(`the reference has no operation '${kind}'`);
}
