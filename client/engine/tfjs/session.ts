import * as tf from "@tensorflow/tfjs-core";
import type { Tensor, Tensor1D, Tensor2D, Tensor4D } from "@tensorflow/tfjs-core";
import { isTrainable, type Graph } from "../../../protocol/model/graph.ts";
import type { LayoutEntry, StateLayout } from "../../../protocol/model/state-layout.ts";
import type {
  Batch,
  GradientResult,
  GradientSettings,
  PerturbedAnswers,
  Session,
  SessionOptions,
  SessionReading,
  StepResult,
  StepSettings,
  SupervisedSettings,
  VelocityAtLoad,
} from "../engine.ts";
import { checkPerturbation } from "../step/check-adversary.ts";
import { checkBatch, normGroupSizeOf } from "../step/check-batch.ts";
import { checkLoss, checkStateLength } from "../step/check-state.ts";
import { EngineError } from "../engine-error.ts";
import { perturbedBatch } from "../step/perturb-images.ts";
import { placedValues } from "../step/place-images.ts";
import { trainingPlan, type Plan, type TrainingStep } from "../program/plan.ts";
import { EvaluationModel } from "./evaluation-model.ts";
import type { Kernels, LossTarget } from "./kernels.ts";
import { downloadEntries, uploadEntry } from "./parameters.ts";
import { refuseStatistics } from "./no-statistics.ts";
import { requirePlain } from "./require-plain.ts";
import { requireSupportedOperations } from "./supported-operations.ts";
import { readSummary, StepResults } from "./step-results.ts";
import { TrainingPass } from "./training-pass.ts";

/** What the student is to answer: the teacher's logits at a temperature, or given distributions. */
type Target = { readonly temperature: number } | { readonly probabilities: Float32Array };

/** Images that one forward and backward pass takes together. */
interface Group {
  readonly images: Tensor4D;
  /** Place of its first image in the batch. */
  readonly start: number;
  readonly size: number;
}

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
  readonly #results = new StepResults();
  readonly #normGroupSize: number | undefined;
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
    { graph, layout, normGroupSize, teacher }: SessionOptions,
    requireDevice: () => void = () => {},
  ) {
    this.#requireDevice = requireDevice;
    requireSupportedOperations(graph);
    checkStateLength(teacher, layout, "teacher");
    this.#backend = backend;
    this.#kernels = kernels;
    this.#graph = graph;
    this.#layout = layout;
    this.#normGroupSize = normGroupSize;
    this.#plan = trainingPlan(graph);
    this.#trainable = layout.entries.filter(({ role }) => isTrainable(role));
    this.#teacher = new EvaluationModel(graph, layout, kernels, teacher);
  }

  load(
    state: Float32Array,
    velocity: VelocityAtLoad = "restart",
    perturbation?: Float32Array,
  ): void {
    this.#requireOpen();
    requirePlain(this.#backend, { "an adversary": perturbation });
    checkStateLength(state, this.#layout, "student");
    useBackend(this.#backend);
    this.#results.forget();
    this.#forgetStudent();
    if (velocity === "restart") this.#forgetVelocities();
    for (const entry of this.#layout.entries) {
      this.#parameters.set(entry.name, tf.keep(uploadEntry(state, entry)));
    }
  }

  async step(batch: Batch, settings: StepSettings): Promise<void> {
    this.#requirePlain(settings);
    const summary = this.#train(batch, settings, (gradients) => this.#descend(gradients, settings));
    await this.#results.add(summary);
  }

  async results(): Promise<readonly StepResult[]> {
    this.#requireOpen();
    return this.#results.take();
  }

  async superviseStep(
    batch: Batch,
    targets: Float32Array,
    settings: SupervisedSettings,
  ): Promise<void> {
    if (targets.length !== batch.size * this.#graph.classes) {
      throw new EngineError(
        "invalid-input",
        `${targets.length} target values for ${batch.size} images of ${this.#graph.classes} classes`,
      );
    }
    const summary = this.#train(batch, { probabilities: targets }, (gradients) =>
      this.#descend(gradients, settings),
    );
    await this.#results.add(summary);
  }

  async gradient(batch: Batch, settings: GradientSettings): Promise<GradientResult> {
    this.#requirePlain(settings);
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
    checkLoss(result);
    return { ...result, gradient };
  }

  async read(): Promise<SessionReading> {
    const state = await this.#state();
    return { state, results: await this.#results.take() };
  }

  async logits(which: "teacher" | "student", batch: Batch): Promise<Float32Array> {
    const state = which === "student" ? await this.#state() : undefined;
    this.#requireOpen();
    useBackend(this.#backend);
    const logits = tf.tidy(() => {
      const model = state
        ? new EvaluationModel(this.#graph, this.#layout, this.#kernels, state)
        : this.#teacher;
      const output = model.run(this.#upload(this.#valuesOf(batch)));
      if (model !== this.#teacher) model.dispose();
      return output;
    });
    return readAndDispose(logits);
  }

  async trainingLogits(batch: Batch): Promise<Float32Array> {
    this.#requireLoaded();
    useBackend(this.#backend);
    const logits = tf.tidy(() => {
      const outputs: Tensor2D[] = [];
      for (const { images } of this.#groups(batch)) {
        const pass = this.#forward(images);
        outputs.push(tf.clone(pass.logits));
        pass.dispose();
      }
      return tf.concat(outputs);
    });
    return readAndDispose(logits);
  }

  async perturbedLogits(
    which: "teacher" | "student",
    batch: Batch,
    perturbation: Float32Array,
    references?: Float32Array,
  ): Promise<PerturbedAnswers> {
    requirePlain(this.#backend, { "gradients by images": references });
    const { inputShape } = this.#graph;
    checkBatch(batch, inputShape);
    checkPerturbation(perturbation, inputShape, 0);
    return { logits: await this.logits(which, perturbedBatch(batch, perturbation, inputShape)) };
  }

  async channelStatistics(): Promise<Float32Array> {
    return refuseStatistics(this.#backend);
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#results.forget();
    this.#forgetStudent();
    this.#forgetVelocities();
    this.#teacher.dispose();
  }

  async #state(): Promise<Float32Array> {
    this.#requireLoaded();
    useBackend(this.#backend);
    const { entries, length } = this.#layout;
    return downloadEntries(entries, (name) => this.#parameter(name), length);
  }

  /**
   * Forward, loss, backward, running statistics, one norm group after the other; then `use` takes
   * over the gradients of the batch's mean loss.
   *
   * @returns `[2·groups]`, see `readSummary`.
   */
  #train(batch: Batch, target: Target, use: (gradients: Map<string, Tensor>) => void): Tensor1D {
    this.#requireLoaded();
    useBackend(this.#backend);
    return tf.tidy(() => {
      const summaries: Tensor1D[] = [];
      const totals = new Map<string, Tensor>();
      for (const group of this.#groups(batch)) {
        const lossTarget = this.#target(target, group);
        const pass = this.#forward(group.images);
        const { summary, dLogits } = this.#kernels.loss(pass.logits, lossTarget);
        summaries.push(summary);
        this.#advanceStatistics(pass);
        // The kernel's gradient is that of the group's mean.
        const isBatch = group.size === batch.size;
        const share = isBatch ? dLogits : tf.mul(dLogits, group.size / batch.size);
        this.#accumulate(totals, pass.backward(share as Tensor2D));
        pass.dispose();
      }
      use(totals);
      return tf.concat(summaries);
    });
  }

  /** Adds gradients to the totals; consumes them. */
  #accumulate(totals: Map<string, Tensor>, gradients: Map<string, Tensor>): void {
    for (const [name, gradient] of gradients) {
      const total = totals.get(name);
      totals.set(name, total ? this.#kernels.add(total, gradient, false) : gradient);
      if (total) gradient.dispose();
    }
  }

  #target(target: Target, { images, start, size }: Group): LossTarget {
    if ("probabilities" in target) {
      const { classes } = this.#graph;
      const rows = target.probabilities.slice(start * classes, (start + size) * classes);
      return { kind: "probabilities", probabilities: tf.tensor2d(rows, [size, classes]) };
    }
    const { temperature } = target;
    return { kind: "logits", logits: this.#teacher.run(images), temperature };
  }

  /** The batch's norm groups, in order, each on the device when it is asked for. */
  *#groups(batch: Batch): Generator<Group> {
    const values = this.#valuesOf(batch);
    const size = normGroupSizeOf(batch.size, this.#normGroupSize);
    const length = (values.length / batch.size) * size;
    for (let start = 0; start < batch.size; start += size) {
      const from = (start / size) * length;
      const images = this.#upload(values.subarray(from, from + length));
      yield { images, start, size };
      images.dispose();
    }
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

  #valuesOf(batch: Batch): Float32Array {
    checkBatch(batch, this.#graph.inputShape);
    return placedValues(batch, this.#graph.inputShape);
  }

  #upload(values: Float32Array): Tensor4D {
    const { height, width, channels } = this.#graph.inputShape;
    const size = values.length / (height * width * channels);
    return tf.tensor4d(values, [size, height, width, channels], "float32");
  }

  #parameter(name: string): Tensor {
    const tensor = this.#parameters.get(name);
    if (!tensor) throw new EngineError("invalid-input", `the layout has no tensor '${name}'`);
    return tensor;
  }

  #requirePlain({ adversary, headShift, sharpness }: GradientSettings): void {
    requirePlain(this.#backend, {
      "an adversary": adversary,
      "sharpness-aware steps": sharpness,
      "a head shift": headShift,
    });
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

  #forgetStudent(): void {
    tf.dispose([...this.#parameters.values()]);
    this.#parameters.clear();
  }

  #forgetVelocities(): void {
    tf.dispose([...this.#velocities.values()]);
    this.#velocities.clear();
  }
}

/** Makes an initialised backend tfjs' current one; synchronous for those. */
export function useBackend(name: string): void {
  if (tf.getBackend() !== name) void tf.setBackend(name);
}

async function readAndDispose(tensor: Tensor2D): Promise<Float32Array> {
  const values = await tensor.data<"float32">();
  tensor.dispose();
  return values;
}
