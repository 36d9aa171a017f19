import * as tf from "@tensorflow/tfjs-core";
import type { Tensor, Tensor1D, Tensor2D, Tensor4D } from "@tensorflow/tfjs-core";
import type { BatchNormOperation, Graph, ValueId } from "../../../../protocol/model/graph.ts";
import { entryView, type StateLayout } from "../../../../protocol/model/state-layout.ts";
import { EngineError } from "../../../../client/engine/engine-error.ts";
import {
  evaluationPlan,
  type EvaluationStep,
  type Plan,
} from "../../../../client/engine/program/plan.ts";
import {
  affineNames,
  biasName,
  isRelu,
  notCompared,
  squareWindow,
} from "../residual-operations.ts";
import type { Kernels } from "./kernels.ts";
import { toChannelsLast } from "../../../../client/engine/program/device-layout.ts";

/**
 * A model in evaluation mode on the device, batch norms folded into the convolutions before them
 * where the graph allows: w·γ/√(v + ε) and β − m·γ/√(v + ε).
 */
export class EvaluationModel {
  readonly #kernels: Kernels;
  readonly #plan: Plan<EvaluationStep>;
  readonly #tensors = new Map<string, Tensor>();

  constructor(graph: Graph, layout: StateLayout, kernels: Kernels, state: Float32Array) {
    this.#kernels = kernels;
    this.#plan = evaluationPlan(graph);
    const entries = new Map(layout.entries.map((entry) => [entry.name, entry]));
    const read = (name: string): Float32Array => {
      const entry = entries.get(name);
      if (!entry) throw new EngineError("invalid-input", `the layout has no tensor '${name}'`);
      return entryView(state, entry);
    };
    const shapeOf = (name: string): readonly number[] => entries.get(name)?.shape ?? [];
    const put = (key: string, values: Float32Array, shape: readonly number[]): void => {
      this.#tensors.set(key, tf.keep(tf.tensor(values, [...shape], "float32")));
    };
    const putFilter = (key: string, values: Float32Array, shape: readonly number[]): void => {
      const [out = 0, input = 0, height = 0, width = 0] = shape;
      put(key, toChannelsLast(values, shape), [height, width, input, out]);
    };

    for (const step of this.#plan.steps) {
      switch (step.kind) {
        case "conv2d":
          putFilter(step.weight, read(step.weight), shapeOf(step.weight));
          break;
        case "batch-norm": {
          const { scale, shift } = affineOf(step.norm, read);
          put(affineNames(step.norm).scale, scale, [scale.length]);
          put(affineNames(step.norm).shift, shift, [shift.length]);
          break;
        }
        case "folded-conv": {
          const { scale, shift } = affineOf(step.norm, read);
          const shape = shapeOf(step.conv.weight);
          const weight = read(step.conv.weight);
          const perFilter = weight.length / scale.length;
          const folded = weight.map((value, i) => value * scale[Math.floor(i / perFilter)]!);
          putFilter(step.conv.weight, folded, shape);
          put(affineNames(step.norm).shift, shift, [shift.length]);
          break;
        }
        case "linear":
          put(step.weight, read(step.weight).slice(), shapeOf(step.weight));
          put(biasName(step), read(biasName(step)).slice(), shapeOf(biasName(step)));
          break;
        case "activation":
        case "add":
        case "global-average-pool":
          break;
        default:
          notCompared(step);
      }
    }
  }

  /** Logits `[N, classes]` of normalised images `[N, H, W, C]`. */
  run(images: Tensor4D): Tensor2D {
    const { steps, input, output, lastUses } = this.#plan;
    const values = new Map<ValueId, Tensor>([[input, images]]);
    const value = <T extends Tensor>(id: ValueId): T => values.get(id) as T;
    steps.forEach((step, index) => {
      values.set(step.output, this.#execute(step, value));
      for (const id of lastUses[index] ?? []) {
        values.get(id)?.dispose();
        values.delete(id);
      }
    });
    return value<Tensor2D>(output);
  }

  dispose(): void {
    tf.dispose([...this.#tensors.values()]);
    this.#tensors.clear();
  }

  #execute(step: EvaluationStep, value: <T extends Tensor>(id: ValueId) => T): Tensor {
    const kernels = this.#kernels;
    const parameter = <T extends Tensor>(name: string): T => this.#tensors.get(name) as T;
    switch (step.kind) {
      case "conv2d":
        return kernels.convolve(
          value<Tensor4D>(step.input),
          parameter(step.weight),
          squareWindow(step),
        );
      case "folded-conv": {
        const { conv, norm, addend } = step;
        const relu = isRelu(step.activation);
        const y = kernels.convolveWithBias(
          value<Tensor4D>(step.input),
          parameter<Tensor4D>(conv.weight),
          parameter<Tensor1D>(affineNames(norm).shift),
          squareWindow(conv),
          relu && addend === undefined,
        );
        return addend === undefined ? y : kernels.add(y, value<Tensor4D>(addend), relu);
      }
      case "batch-norm":
        return kernels.affine(
          value<Tensor4D>(step.input),
          parameter<Tensor1D>(affineNames(step.norm).scale),
          parameter<Tensor1D>(affineNames(step.norm).shift),
          step.addend === undefined ? undefined : value<Tensor4D>(step.addend),
          isRelu(step.activation),
        );
      case "activation":
        isRelu(step.activation);
        return kernels.relu(value<Tensor4D>(step.input));
      case "add": {
        const [first, second] = step.inputs;
        return kernels.add(kernels.copy(value(first)), value(second), false);
      }
      case "global-average-pool":
        return kernels.averagePool(value<Tensor4D>(step.input));
      case "linear":
        return kernels.linear(
          value<Tensor2D>(step.input),
          parameter<Tensor2D>(step.weight),
          parameter<Tensor1D>(biasName(step)),
        );
      default:
        return notCompared(step);
    }
  }
}

function affineOf(
  norm: BatchNormOperation,
  read: (name: string) => Float32Array,
): { scale: Float32Array<ArrayBuffer>; shift: Float32Array<ArrayBuffer> } {
  const gain = read(affineNames(norm).scale);
  const bias = read(affineNames(norm).shift);
  const mean = read(norm.runningMean);
  const variance = read(norm.runningVariance);
  const scale = new Float32Array(gain.length);
  const shift = new Float32Array(gain.length);
  for (let c = 0; c < gain.length; c++) {
    const factor = gain[c]! / Math.sqrt(variance[c]! + norm.epsilon);
    scale[c] = factor;
    shift[c] = bias[c]! - mean[c]! * factor;
  }
  return { scale, shift };
}
