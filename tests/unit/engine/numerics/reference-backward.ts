import type { Graph, ValueId } from "../../../../protocol/model/graph.ts";
import { referenceOf } from "./reference-activations.ts";
import {
  concatBackward,
  joined,
  joinedBackward,
  movedBack,
  scaleBackward,
} from "./reference-channels.ts";
import {
  activateBackward,
  add,
  averagePoolBackward,
  convolveBackward,
  linearBackward,
  normaliseBackward,
  normaliseBackwardToInput,
  zeros,
  type Tensor,
} from "./reference-operations.ts";
import { maxPoolBackward, sharedMeansBackward, windowMeansBackward } from "./reference-pooling.ts";
import { runNormBackward, softmaxBackward } from "./reference-run-norms.ts";
import { attentionBackward, cut, cutBackward, embeddingGradient } from "./reference-tokens.ts";
import { moveOf, normInput, runNormInput, stored, type Store } from "./reference-steps.ts";
import type { ParametersByName, ReferencePass } from "./reference-network.ts";

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
      case "layer-norm":
      case "group-norm": {
        const { input, scale, shift } = operation;
        const found = runNormBackward(dy, runNormInput(operation, value(input), parameter));
        if (scale !== undefined) move(scale, found.dScale);
        if (shift !== undefined) move(shift, found.dShift);
        give(input, found.dx);
        break;
      }
      case "softmax":
        give(operation.input, softmaxBackward(dy, value(operation.output)));
        break;
      case "to-tokens":
        give(operation.input, { shape: value(operation.input).shape, values: dy.values });
        break;
      case "prepend-tokens": {
        const { input, embedding } = operation;
        move(embedding, embeddingGradient(dy, parameter(embedding)));
        const [, tokens] = value(input).shape;
        give(input, cut(dy, dy.shape[1]! - tokens!, tokens!));
        break;
      }
      case "add-embedding": {
        const { input, embedding } = operation;
        move(embedding, embeddingGradient(dy, parameter(embedding)));
        give(input, dy);
        break;
      }
      case "slice-tokens":
        give(operation.input, cutBackward(dy, value(operation.input).shape, operation.from));
        break;
      case "take-token":
        give(operation.input, cutBackward(dy, value(operation.input).shape, operation.index));
        break;
      case "attention": {
        const [q, k, v] = operation.inputs.map(value) as [Tensor, Tensor, Tensor];
        const { dq, dk, dv } = attentionBackward(dy, q, k, v, operation.heads);
        give(operation.inputs[0], dq);
        give(operation.inputs[1], dk);
        give(operation.inputs[2], dv);
        break;
      }
      default:
        operation satisfies never;
    }
  }
  byParameter.set(graph.input, byValue.get(graph.input) ?? zeros(value(graph.input).shape));
  return byParameter;
}
