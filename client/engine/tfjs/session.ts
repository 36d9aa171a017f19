import * as tf from "@tensorflow/tfjs-core";
import type { Tensor, Tensor1D, Tensor2D, Tensor4D } from "@tensorflow/tfjs-core";
import { isTrainable, sizeOf, type Graph } from "../../../protocol/model/graph.ts";
import type { LayoutEntry, StateLayout } from "../../../protocol/model/state-layout.ts";
import type {
  Batch,
  GradientResult,
  GradientSettings,
  Session,
  SessionOptions,
  StepResult,
  StepSettings,
  SupervisedSettings,
} from "../engine.ts";
import { EngineError } from "../engine-error.ts";
import { trainingPlan, type Plan, type TrainingStep } from "../plan.ts";
import { EvaluationModel } from "./evaluation-model.ts";
import type { Kernels, LossTarget } from "./kernels.ts";
import { checkStateLength, downloadEntries, uploadEntry } from "./parameters.ts";
import { TrainingPass } from "./training-pass.ts";

/** What the optimiser does after a backward pass: a step, or hand the gradient out. */
type Target = { readonly temperature: number } | { readonly probabilities: Float32Array };

/** A session on one backend of tfjs. */
export class TfjsSession implements Session {
  readonly #backend: string;
  readonly #kernels: Kernels;
  readonly #graph: Graph;
  readonly #layout: StateLayout;
  readonly #plan: Plan<TrainingStep>;
  readonly #trainable: readonly LayoutEntry[];
  readonly #teacher: EvaluationModel;
  readonly #parameters = new Map<string, Tensor>();
  readonly #velocities = new Map<string, Tensor>();
  readonly #requireDevice: () => void;
  #closed = false;

  /**
   * `backend` must be tfjs' current one: the constructor uploads the teacher.
   *
   * @param requireDevice throws when the device can no longer be used.
   */
  constructor(
    backend: string,
    kernels: Kernels,
    { graph, layout, teacher }: SessionOptions,
    requireDevice: () => void = () => {},
  ) {
    this.#requireDevice = requireDevice;
    checkStateLength(teacher, layout, "teacher");
    this.#backend = backend;
    this.#kernels = kernels;
    this.#graph = graph;
    this.#layout = layout;
    this.#plan = trainingPlan(graph);
    this.#trainable = layout.entries.filter(({ role }) => isTrainable(role));
    this.#teacher = new EvaluationModel(graph, layout, kernels, teacher);
  }

  load(state: Float32Array): void {
    this.#requireOpen();
    checkStateLength(state, this.#layout, "student");
    useBackend(this.#backend);
    this.#forget();
    for (const entry of this.#layout.entries) {
      this.#parameters.set(entry.name, tf.keep(uploadEntry(state, entry)));
    }
  }

  async step(batch: Batch, settings: StepSettings): Promise<StepResult> {
    const summary = this.#train(batch, settings, (gradients) => this.#descend(gradients, settings));
    return readSummary(summary);
  }

  async superviseStep(
    batch: Batch,
    targets: Float32Array,
    settings: SupervisedSettings,
  ): Promise<StepResult> {
    if (targets.length !== batch.size * this.#graph.classes) {
      throw new EngineError(
        "invalid-input",
        `${targets.length} target values for ${batch.size} images of ${this.#graph.classes} classes`,
      );
    }
    const summary = this.#train(batch, { probabilities: targets }, (gradients) =>
      this.#descend(gradients, settings),
    );
    return readSummary(summary);
  }

  async gradient(batch: Batch, settings: GradientSettings): Promise<GradientResult> {
    const gradients = new Map<string, Tensor>();
    const summary = this.#train(batch, settings, (found) => {
      for (const [name, gradient] of found) {
        const parameter = this.#parameter(name);
        const decayed = this.#kernels.decay(gradient, parameter, settings.weightDecay);
        gradients.set(name, tf.keep(decayed));
      }
    });
    const result = await readSummary(summary);
    useBackend(this.#backend);
    const gradient = await downloadEntries(
      this.#trainable,
      (name) => gradients.get(name)!,
      this.#layout.trainableLength,
    );
    tf.dispose([...gradients.values()]);
    return { ...result, gradient };
  }

  async read(): Promise<Float32Array> {
    this.#requireLoaded();
    useBackend(this.#backend);
    const { entries, length } = this.#layout;
    return downloadEntries(entries, (name) => this.#parameter(name), length);
  }

  async logits(which: "teacher" | "student", batch: Batch): Promise<Float32Array> {
    const state = which === "student" ? await this.read() : undefined;
    this.#requireOpen();
    useBackend(this.#backend);
    const logits = tf.tidy(() => {
      const model = state
        ? new EvaluationModel(this.#graph, this.#layout, this.#kernels, state)
        : this.#teacher;
      const output = model.run(this.#upload(batch));
      if (model !== this.#teacher) model.dispose();
      return output;
    });
    return readAndDispose(logits);
  }

  async trainingLogits(batch: Batch): Promise<Float32Array> {
    this.#requireLoaded();
    useBackend(this.#backend);
    const logits = tf.tidy(() => {
      const pass = this.#forward(this.#upload(batch));
      const output = tf.clone(pass.logits);
      pass.dispose();
      return output;
    });
    return readAndDispose(logits);
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#forget();
    this.#teacher.dispose();
  }

  /** Forward, loss, backward, running statistics; then `use` takes the gradients over. */
  #train(batch: Batch, target: Target, use: (gradients: Map<string, Tensor>) => void): Tensor1D {
    this.#requireLoaded();
    useBackend(this.#backend);
    return tf.tidy(() => {
      const images = this.#upload(batch);
      const lossTarget = this.#target(target, images, batch.size);
      const pass = this.#forward(images);
      const { summary, dLogits } = this.#kernels.loss(pass.logits, lossTarget);
      this.#advanceStatistics(pass);
      const gradients = pass.backward(dLogits);
      pass.dispose();
      use(gradients);
      return summary;
    });
  }

  #target(target: Target, images: Tensor4D, size: number): LossTarget {
    if ("probabilities" in target) {
      const shape: [number, number] = [size, this.#graph.classes];
      const probabilities = tf.tensor2d(target.probabilities.slice(), shape);
      return { kind: "probabilities", probabilities };
    }
    const { temperature } = target;
    return { kind: "logits", logits: this.#teacher.run(images), temperature };
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

  #descend(gradients: Map<string, Tensor>, settings: SupervisedSettings): void {
    for (const [name, gradient] of gradients) {
      const { parameter, velocity } = this.#kernels.sgd({
        ...settings,
        parameter: this.#parameter(name),
        gradient,
        velocity: this.#velocities.get(name),
      });
      this.#parameters.set(name, tf.keep(parameter));
      this.#velocities.set(name, tf.keep(velocity));
    }
  }

  #upload({ values, size }: Batch): Tensor4D {
    const { height, width, channels } = this.#graph.inputShape;
    const shape: [number, number, number, number] = [size, height, width, channels];
    if (size < 1 || values.length !== sizeOf(shape)) {
      throw new EngineError(
        "invalid-input",
        `a batch of ${size} images needs ${sizeOf(shape)} values ` +
          `(${size}×${height}×${width}×${channels}), this one has ${values.length}`,
      );
    }
    return tf.tensor4d(values, shape, "float32");
  }

  #parameter(name: string): Tensor {
    const tensor = this.#parameters.get(name);
    if (!tensor) throw new EngineError("invalid-input", `the layout has no tensor '${name}'`);
    return tensor;
  }

  #requireOpen(): void {
    if (this.#closed) throw new EngineError("closed", "this session was closed");
    this.#requireDevice();
  }

  #requireLoaded(): void {
    this.#requireOpen();
    if (this.#parameters.size === 0) {
      throw new EngineError("invalid-input", "load a student before training it");
    }
  }

  #forget(): void {
    tf.dispose([...this.#parameters.values(), ...this.#velocities.values()]);
    this.#parameters.clear();
    this.#velocities.clear();
  }
}

/** Makes an initialised backend tfjs' current one; synchronous for those. */
export function useBackend(name: string): void {
  if (tf.getBackend() !== name) void tf.setBackend(name);
}

async function readSummary(summary: Tensor1D): Promise<StepResult> {
  const [loss, agreement] = await readAndDispose(summary);
  if (loss === undefined || agreement === undefined || !Number.isFinite(loss)) {
    throw new EngineError(
      "device-failed",
      `the loss is ${loss}: the student has diverged; use a smaller learning rate`,
    );
  }
  return { loss, agreement };
}

async function readAndDispose(tensor: Tensor1D | Tensor2D): Promise<Float32Array> {
  const values = await tensor.data<"float32">();
  tensor.dispose();
  return values;
}
