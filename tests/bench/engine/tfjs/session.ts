import * as tf from "@tensorflow/tfjs-core";
import type { Tensor, Tensor1D, Tensor4D } from "@tensorflow/tfjs-core";
import type {
  SessionOptions,
  StepResult,
  StepSettings,
  ValueBatch,
} from "../../../../client/engine/engine.ts";
import {
  trainingPlan,
  type Plan,
  type TrainingStep,
} from "../../../../client/engine/program/plan.ts";
import { isTrainable, type Graph } from "../../../../protocol/model/graph.ts";
import type { StateLayout } from "../../../../protocol/model/state-layout.ts";
import { EvaluationModel } from "./evaluation-model.ts";
import type { Kernels } from "./kernels.ts";
import { downloadEntries, uploadEntry } from "./parameters.ts";
import { StepResults } from "./step-results.ts";
import { TrainingPass } from "./training-pass.ts";

type DistillationSettings = Omit<StepSettings, "adversary" | "sharpness" | "headShift">;

/**
 * Plain distillation on TensorFlow.js' current backend, with a backward pass written by hand: what the
 * benchmarks hold the product's engines against. Statistics are the whole batch's.
 */
export class TfjsSession {
  readonly #kernels: Kernels;
  readonly #graph: Graph;
  readonly #layout: StateLayout;
  readonly #plan: Plan<TrainingStep>;
  readonly #teacher: EvaluationModel;
  readonly #parameters = new Map<string, Tensor>();
  readonly #velocities = new Map<string, Tensor>();
  readonly #results = new StepResults();

  /** @throws Error for grouped convolutions, which TensorFlow.js has no gradient of. */
  constructor(kernels: Kernels, { graph, layout, teacher }: SessionOptions) {
    for (const operation of graph.operations) {
      if (operation.kind !== "conv2d" || operation.groups === 1) continue;
      throw new Error(`TensorFlow.js cannot train conv2d '${operation.output}': it has groups`);
    }
    this.#kernels = kernels;
    this.#graph = graph;
    this.#layout = layout;
    this.#plan = trainingPlan(graph);
    this.#teacher = new EvaluationModel(graph, layout, kernels, teacher);
  }

  load(state: Float32Array): void {
    for (const tensors of [this.#parameters, this.#velocities]) {
      tf.dispose([...tensors.values()]);
      tensors.clear();
    }
    for (const entry of this.#layout.entries) {
      this.#parameters.set(entry.name, tf.keep(uploadEntry(state, entry)));
    }
  }

  /** One SGD step; resolves when the device can take the next. */
  async step({ values, size }: ValueBatch, settings: DistillationSettings): Promise<void> {
    const summary = tf.tidy(() => {
      const { height, width, channels } = this.#graph.inputShape;
      const images = tf.tensor4d(values, [size, height, width, channels], "float32");
      const target = { logits: this.#teacher.run(images), temperature: settings.temperature };
      const pass = this.#forward(images);
      const { summary: told, dLogits } = this.#kernels.loss(pass.logits, target);
      this.#advanceStatistics(pass);
      this.#descend(pass.backward(dLogits), settings);
      pass.dispose();
      return told;
    });
    await this.#results.add(summary);
  }

  async results(): Promise<readonly StepResult[]> {
    return this.#results.take();
  }

  /** The student's state vector. */
  async read(): Promise<Float32Array> {
    const { entries, length } = this.#layout;
    return downloadEntries(entries, (name) => this.#parameter(name), length);
  }

  #forward(images: Tensor4D): TrainingPass {
    const parameter = <T extends Tensor>(name: string): T => this.#parameter(name) as T;
    return new TrainingPass(this.#kernels, this.#plan, parameter, images);
  }

  #advanceStatistics(pass: TrainingPass): void {
    for (const { norm, moments, count } of pass.moments()) {
      const mean = this.#parameter(norm.runningMean) as Tensor1D;
      const variance = this.#parameter(norm.runningVariance) as Tensor1D;
      const running = { mean, variance };
      const next = this.#kernels.advanceStatistics(running, moments, norm.momentum, count);
      tf.dispose([mean, variance]);
      this.#parameters.set(norm.runningMean, tf.keep(next.mean));
      this.#parameters.set(norm.runningVariance, tf.keep(next.variance));
    }
  }

  #descend(gradients: Map<string, Tensor>, settings: DistillationSettings): void {
    for (const { name, role } of this.#layout.entries) {
      if (!isTrainable(role)) continue;
      const { parameter, velocity } = this.#kernels.sgd({
        ...settings,
        parameter: this.#parameter(name),
        gradient: gradients.get(name)!,
        velocity: this.#velocities.get(name),
      });
      this.#parameters.set(name, tf.keep(parameter));
      this.#velocities.set(name, tf.keep(velocity));
    }
  }

  #parameter(name: string): Tensor {
    const tensor = this.#parameters.get(name);
    if (!tensor) throw new Error(`no student is loaded, or its layout has no tensor '${name}'`);
    return tensor;
  }
}
