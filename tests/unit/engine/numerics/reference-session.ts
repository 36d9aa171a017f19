import type {
  Batch,
  Engine,
  GradientResult,
  GradientSettings,
  Session,
  SessionOptions,
  SessionReading,
  StepResult,
  StepSettings,
  SupervisedSettings,
} from "../../../../client/engine/engine.ts";
import { isTrainable, type Graph } from "../../../../protocol/model/graph.ts";
import type { StateLayout } from "../../../../protocol/model/state-layout.ts";
import { imageValues } from "./image-values.ts";
import { referenceLoss, type ReferenceTarget } from "./reference-loss.ts";
import { runBackward, runForward, type ReferencePass } from "./reference-network.ts";
import type { Tensor } from "./reference-operations.ts";

/**
 * How values are kept between operations. In `float32` each operation still computes in float64
 * and only its result is rounded: the least error any engine that stores float32 can have.
 */
export type Storage = "float64" | "float32";

/** The reference as an engine, for whatever takes one. */
export function referenceEngine(storage: Storage = "float64"): Engine {
  return {
    backend: "cpu",
    adapter: `reference, ${storage}`,
    openSession: (options) => new ReferenceSession(options, storage),
    close: async () => {},
  };
}

/**
 * What a `Session` must do, in float64 and plain loops. Only what it returns is rounded to
 * float32.
 *
 * It also keeps how near anything came to what float32 does not resolve (`rectifierMargin`,
 * `smallestLead`, `normSpread`): a case too near tells nothing about an engine.
 */
export class ReferenceSession implements Session {
  /** Smallest distance of any rectifier's input from its threshold so far. */
  rectifierMargin = Infinity;
  /** Smallest lead of any row's largest logit over the next so far. */
  smallestLead = Infinity;
  /** Smallest variance/mean² of any channel a batch norm took moments of so far. */
  normSpread = Infinity;
  readonly #graph: Graph;
  readonly #layout: StateLayout;
  readonly #teacher: Map<string, Tensor>;
  readonly #normGroupSize: number | undefined;
  readonly #store: (value: number) => number;
  #student = new Map<string, Tensor>();
  #velocity = new Map<string, Float64Array>();
  #results: StepResult[] = [];

  constructor(
    { graph, layout, teacher, normGroupSize }: SessionOptions,
    storage: Storage = "float64",
  ) {
    this.#graph = graph;
    this.#layout = layout;
    this.#teacher = tensorsOf(layout, teacher);
    this.#normGroupSize = normGroupSize;
    this.#store = storage === "float32" ? Math.fround : (value) => value;
  }

  load(state: Float32Array): void {
    this.#student = tensorsOf(this.#layout, state);
    this.#velocity.clear();
  }

  async step(batch: Batch, settings: StepSettings): Promise<void> {
    const images = this.#images(batch);
    this.#descend(images, this.#teacherTarget(images, settings.temperature), settings);
  }

  async superviseStep(
    batch: Batch,
    targets: Float32Array,
    settings: SupervisedSettings,
  ): Promise<void> {
    const target = { probabilities: Float64Array.from(targets) };
    this.#descend(this.#images(batch), target, settings);
  }

  async results(): Promise<readonly StepResult[]> {
    return this.#results.splice(0);
  }

  async gradient(
    batch: Batch,
    { temperature, weightDecay }: GradientSettings,
  ): Promise<GradientResult> {
    const images = this.#images(batch);
    const target = this.#teacherTarget(images, temperature);
    const { result, gradients } = this.#differentiate(images, target);
    const gradient = new Float32Array(this.#layout.trainableLength);
    for (const { name, offset, role } of this.#layout.entries) {
      if (!isTrainable(role)) continue;
      const theta = this.#student.get(name)!.values;
      gradients.get(name)!.values.forEach((g, i) => {
        gradient[offset + i] = g + weightDecay * theta[i]!;
      });
    }
    return { ...result, gradient };
  }

  async read(): Promise<SessionReading> {
    const state = new Float32Array(this.#layout.length);
    for (const { name, offset } of this.#layout.entries) {
      state.set(this.#student.get(name)!.values, offset);
    }
    return { state, results: await this.results() };
  }

  async logits(which: "teacher" | "student", batch: Batch): Promise<Float32Array> {
    const parameters = which === "teacher" ? this.#teacher : this.#student;
    return Float32Array.from(this.#evaluate(parameters, this.#images(batch)).logits.values);
  }

  async trainingLogits(batch: Batch): Promise<Float32Array> {
    return Float32Array.from(this.#forwardInTraining(this.#images(batch)).logits.values);
  }

  close(): void {
    this.#student.clear();
  }

  #images(batch: Batch): Tensor {
    const { height, width, channels } = this.#graph.inputShape;
    const values = Float64Array.from(imageValues(batch, this.#graph.inputShape));
    return { shape: [batch.size, height, width, channels], values };
  }

  #evaluate(parameters: ReadonlyMap<string, Tensor>, images: Tensor): ReferencePass {
    return this.#watch(runForward(this.#graph, parameters, images, "evaluation", this.#store));
  }

  #forwardInTraining(images: Tensor): ReferencePass {
    const groupSize = this.#normGroupSize ?? images.shape[0]!;
    return this.#watch(runForward(this.#graph, this.#student, images, groupSize, this.#store));
  }

  #watch(pass: ReferencePass): ReferencePass {
    this.rectifierMargin = Math.min(this.rectifierMargin, pass.rectifierMargin);
    this.normSpread = Math.min(this.normSpread, pass.normSpread);
    return pass;
  }

  #teacherTarget(images: Tensor, temperature: number): ReferenceTarget {
    return { logits: this.#evaluate(this.#teacher, images).logits, temperature };
  }

  /** Loss and gradients of one batch; advances the running statistics. */
  #differentiate(
    images: Tensor,
    target: ReferenceTarget,
  ): { result: StepResult; gradients: Map<string, Tensor> } {
    const pass = this.#forwardInTraining(images);
    const { loss, agreement, dLogits, smallestLead } = referenceLoss(pass.logits, target);
    this.smallestLead = Math.min(this.smallestLead, smallestLead);
    const gradients = runBackward(this.#graph, this.#student, pass, dLogits, this.#store);
    this.#advanceStatistics(pass);
    return { result: { loss, agreement }, gradients };
  }

  /** r ← (1 − momentum)·r + momentum·batch, once for each norm group, unbiased variance. */
  #advanceStatistics(pass: ReferencePass): void {
    for (const operation of this.#graph.operations) {
      if (operation.kind !== "batch-norm") continue;
      const { momentum } = operation;
      for (const { mean, variance, count } of pass.moments.get(operation.output)!) {
        const advance = (name: string, batch: Float64Array): void => {
          const running = this.#student.get(name)!.values;
          running.forEach((r, c) => {
            running[c] = this.#store((1 - momentum) * r + momentum * batch[c]!);
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

  /** v ← μ·v + g + λ·θ, θ ← θ − η·v. */
  #descend(
    images: Tensor,
    target: ReferenceTarget,
    { learningRate, momentum, weightDecay }: SupervisedSettings,
  ): void {
    const { result, gradients } = this.#differentiate(images, target);
    this.#results.push(result);
    for (const { name, role } of this.#layout.entries) {
      if (!isTrainable(role)) continue;
      const theta = this.#student.get(name)!.values;
      const gradient = gradients.get(name)!.values;
      const before = this.#velocity.get(name) ?? new Float64Array(theta.length);
      const velocity = before.map((v, i) =>
        this.#store(momentum * v + gradient[i]! + weightDecay * theta[i]!),
      );
      velocity.forEach((v, i) => (theta[i] = this.#store(theta[i]! - learningRate * v)));
      this.#velocity.set(name, velocity);
    }
  }
}

/** The tensors of a state vector by name, in float64. */
export function tensorsOf(layout: StateLayout, state: Float32Array): Map<string, Tensor> {
  return new Map(
    layout.entries.map(({ name, shape, offset, size }) => [
      name,
      { shape, values: Float64Array.from(state.subarray(offset, offset + size)) },
    ]),
  );
}
