import * as tf from "@tensorflow/tfjs-core";
import type { Tensor, Tensor1D, Tensor2D, Tensor4D } from "@tensorflow/tfjs-core";
import type { BatchNormOperation, ValueId } from "../../../../protocol/model/graph.ts";
import { EngineError } from "../../../../client/engine/engine-error.ts";
import type { NormStep, Plan, TrainingStep } from "../../../../client/engine/program/plan.ts";
import {
  affineNames,
  biasName,
  isRelu,
  notCompared,
  squareWindow,
} from "../residual-operations.ts";
import type { Kernels, NormMoments } from "./kernels.ts";

/** The student's parameters on the device, by name, in the device's layout. */
export type ParameterOf = <T extends Tensor>(name: string) => T;

type Shape4D = [number, number, number, number];

/**
 * One forward pass in training mode, with what its backward pass needs.
 *
 * Values stay on the device until the backward pass has used them, or until `dispose`.
 */
export class TrainingPass {
  readonly #kernels: Kernels;
  readonly #plan: Plan<TrainingStep>;
  readonly #parameter: ParameterOf;
  readonly #values = new Map<ValueId, Tensor>();
  readonly #moments = new Map<NormStep, NormMoments>();

  /** Runs the plan forward on `images` `[N, H, W, C]`, which stay with the caller. */
  constructor(
    kernels: Kernels,
    plan: Plan<TrainingStep>,
    parameter: ParameterOf,
    images: Tensor4D,
  ) {
    this.#kernels = kernels;
    this.#plan = plan;
    this.#parameter = parameter;
    this.#values.set(plan.input, images);
    for (const step of plan.steps) this.#values.set(step.output, this.#forward(step));
  }

  get logits(): Tensor2D {
    return this.#value<Tensor2D>(this.#plan.output);
  }

  /** The batch's moments at every batch norm, and the number of values each was taken over. */
  *moments(): Generator<{ norm: BatchNormOperation; moments: NormMoments; count: number }> {
    for (const [step, moments] of this.#moments) {
      const x = this.#value<Tensor4D>(step.input);
      yield { norm: step.norm, moments, count: x.size / x.shape[3] };
    }
  }

  /**
   * Gradients of every trainable parameter, by name; belongs to the caller. Frees each value as
   * soon as nothing before it needs it.
   *
   * @param dLogits gradient of the loss with respect to the logits; consumed.
   */
  backward(dLogits: Tensor2D): Map<string, Tensor> {
    const parameters = new Map<string, Tensor>();
    const gradients = new Map<ValueId, Tensor>([[this.#plan.output, dLogits]]);
    const contribute = (id: ValueId, gradient: Tensor): void => {
      const present = gradients.get(id);
      if (!present) {
        gradients.set(id, gradient);
        return;
      }
      gradients.set(id, this.#kernels.add(present, gradient, false));
      gradient.dispose();
    };
    for (let index = this.#plan.steps.length - 1; index >= 0; index--) {
      const step = this.#plan.steps[index]!;
      const dy = gradients.get(step.output);
      gradients.delete(step.output);
      if (dy) this.#backward(step, dy, contribute, parameters);
      this.#release(step.output);
    }
    tf.dispose([...gradients.values()]);
    return parameters;
  }

  dispose(): void {
    for (const id of this.#values.keys()) this.#release(id);
    for (const { mean, variance } of this.#moments.values()) tf.dispose([mean, variance]);
    this.#moments.clear();
  }

  #release(id: ValueId): void {
    // The images are the caller's.
    if (id !== this.#plan.input) this.#values.get(id)?.dispose();
    this.#values.delete(id);
  }

  #value<T extends Tensor>(id: ValueId): T {
    return this.#values.get(id) as T;
  }

  #forward(step: TrainingStep): Tensor {
    const kernels = this.#kernels;
    switch (step.kind) {
      case "conv2d":
        return kernels.convolve(
          this.#value<Tensor4D>(step.input),
          this.#parameter<Tensor4D>(step.weight),
          squareWindow(step),
        );
      case "batch-norm": {
        const { norm, addend } = step;
        const relu = isRelu(step.activation);
        const x = this.#value<Tensor4D>(step.input);
        if (x.size === x.shape[3]) {
          throw new EngineError(
            "invalid-input",
            `batch norm '${norm.output}' sees one value per channel; use batches and norm groups of at least 2 images`,
          );
        }
        const { y, moments } = kernels.normForward({
          x,
          scale: this.#parameter<Tensor1D>(affineNames(norm).scale),
          shift: this.#parameter<Tensor1D>(affineNames(norm).shift),
          epsilon: norm.epsilon,
          addend: addend === undefined ? undefined : this.#value<Tensor4D>(addend),
          relu,
        });
        this.#moments.set(step, moments);
        return y;
      }
      case "activation":
        isRelu(step.activation);
        return kernels.relu(this.#value<Tensor4D>(step.input));
      case "add": {
        const [first, second] = step.inputs;
        return kernels.add(kernels.copy(this.#value(first)), this.#value(second), false);
      }
      case "global-average-pool":
        return kernels.averagePool(this.#value<Tensor4D>(step.input));
      case "linear":
        return kernels.linear(
          this.#value<Tensor2D>(step.input),
          this.#parameter<Tensor2D>(step.weight),
          this.#parameter<Tensor1D>(biasName(step)),
        );
      default:
        return notCompared(step);
    }
  }

  /** Consumes `dy`. */
  #backward(
    step: TrainingStep,
    dy: Tensor,
    contribute: (id: ValueId, gradient: Tensor) => void,
    parameters: Map<string, Tensor>,
  ): void {
    const kernels = this.#kernels;
    switch (step.kind) {
      case "conv2d": {
        const x = this.#value<Tensor4D>(step.input);
        const weight = this.#parameter<Tensor4D>(step.weight);
        const g = dy as Tensor4D;
        parameters.set(
          step.weight,
          kernels.convolveFilterGradient(x, g, weight.shape, squareWindow(step)),
        );
        // Nobody asks for the gradient of the images.
        if (step.input !== this.#plan.input) {
          contribute(
            step.input,
            kernels.convolveInputGradient(g, weight, x.shape, squareWindow(step)),
          );
        }
        dy.dispose();
        return;
      }
      case "batch-norm": {
        const { norm, addend } = step;
        const relu = isRelu(step.activation);
        const { dx, dScale, dShift, dAddend } = kernels.normBackward({
          dy: dy as Tensor4D,
          x: this.#value<Tensor4D>(step.input),
          y: this.#value<Tensor4D>(step.output),
          scale: this.#parameter<Tensor1D>(affineNames(norm).scale),
          moments: this.#moments.get(step)!,
          epsilon: norm.epsilon,
          relu,
          addend: addend !== undefined,
        });
        parameters.set(affineNames(norm).scale, dScale);
        parameters.set(affineNames(norm).shift, dShift);
        contribute(step.input, dx);
        if (addend !== undefined && dAddend) contribute(addend, dAddend);
        return;
      }
      case "activation":
        isRelu(step.activation);
        contribute(
          step.input,
          kernels.reluBackward(dy as Tensor4D, this.#value<Tensor4D>(step.output)),
        );
        return;
      case "add": {
        const [first, second] = step.inputs;
        contribute(second, kernels.copy(dy));
        contribute(first, dy);
        return;
      }
      case "global-average-pool": {
        const { shape } = this.#value<Tensor4D>(step.input);
        contribute(step.input, kernels.averagePoolBackward(dy as Tensor2D, shape as Shape4D));
        dy.dispose();
        return;
      }
      case "linear": {
        const { dx, dWeight, dBias } = kernels.linearBackward(
          dy as Tensor2D,
          this.#value<Tensor2D>(step.input),
          this.#parameter<Tensor2D>(step.weight),
        );
        parameters.set(step.weight, dWeight);
        parameters.set(biasName(step), dBias);
        contribute(step.input, dx);
        dy.dispose();
        return;
      }
      default:
        notCompared(step);
    }
  }
}
