import type { Graph } from "../../protocol/model/graph.ts";
import type { StateLayout } from "../../protocol/model/state-layout.ts";

/**
 * The seam between distillation and what computes it. A backend runs a `Graph` forward and
 * backward on some device; everything above this file speaks only of state vectors and batches.
 */

export type BackendName = "webgpu" | "wasm" | "cpu";

/** A batch of images as the network sees them. */
export interface Batch {
  /** `[N, H, W, C]`, row-major, already normalised: (pixel/255 − mean)/std. */
  readonly values: Float32Array;
  /** N, the number of images. */
  readonly size: number;
}

/** Settings of one SGD step (PyTorch's form: v ← μ·v + g + λ·θ, θ ← θ − η·v, no Nesterov). */
export interface StepSettings {
  /** η */
  readonly learningRate: number;
  /** μ */
  readonly momentum: number;
  /** λ, on every trainable tensor. */
  readonly weightDecay: number;
  /** T of the softmax of teacher and student. */
  readonly temperature: number;
}

export interface StepResult {
  /** KL(teacher ‖ student) at temperature T, mean over the batch, no T² factor, in nats. */
  readonly loss: number;
  /** Share of the batch where teacher and student have the same largest logit. */
  readonly agreement: number;
}

/** A step towards given answers instead of the teacher's; the temperature is 1. */
export type SupervisedSettings = Omit<StepSettings, "temperature">;

export interface GradientSettings {
  readonly temperature: number;
  readonly weightDecay: number;
}

export interface GradientResult extends StepResult {
  /** dL/dθ + λ·θ over the trainable section of the state vector. */
  readonly gradient: Float32Array;
}

/**
 * A frozen teacher and a student in training, both on the device.
 *
 * Calls must not overlap: await each before the next. `load` may be called any number of times.
 */
export interface Session {
  /**
   * Puts a student on the device and forgets the optimiser's momentum.
   *
   * @param state whole state vector (trainable values, then running statistics).
   */
  load(state: Float32Array): void;

  /** One SGD step of distillation; running statistics advance by one batch. */
  step(batch: Batch, settings: StepSettings): Promise<StepResult>;

  /** The gradient of the distillation loss at the student; running statistics advance too. */
  gradient(batch: Batch, settings: GradientSettings): Promise<GradientResult>;

  /**
   * One SGD step of cross-entropy towards given answers; the loss is KL(targets ‖ student).
   *
   * @param targets `[N, classes]`, each row a probability distribution.
   */
  superviseStep(
    batch: Batch,
    targets: Float32Array,
    settings: SupervisedSettings,
  ): Promise<StepResult>;

  /** The student's whole state vector, trainable values and running statistics. */
  read(): Promise<Float32Array>;

  /** Logits `[N, classes]` in evaluation mode (running statistics). */
  logits(which: "teacher" | "student", batch: Batch): Promise<Float32Array>;

  /**
   * The student's logits `[N, classes]` in training mode (statistics of this batch). Changes
   * nothing, running statistics included.
   */
  trainingLogits(batch: Batch): Promise<Float32Array>;

  /** Frees the device memory; the session cannot be used afterwards. */
  close(): void;
}

export interface SessionOptions {
  readonly graph: Graph;
  readonly layout: StateLayout;
  /** The teacher's whole state vector. */
  readonly teacher: Float32Array;
}

/**
 * A device that runs sessions.
 *
 * @example
 * const engine = await openEngine({ backend: "auto" });
 * const session = engine.openSession({ graph, layout, teacher });
 * session.load(student);
 * const { loss } = await session.step(batch, settings);
 */
export interface Engine {
  readonly backend: BackendName;
  /** For people: `NVIDIA RTX 4060 (webgpu)`, `WebAssembly SIMD, 1 thread`. */
  readonly adapter: string;
  /** @throws EngineError when the graph holds an operation the backend cannot execute. */
  openSession(options: SessionOptions): Session;
  close(): Promise<void>;
}
