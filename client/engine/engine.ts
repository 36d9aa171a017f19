import type { Graph } from "../../protocol/model/graph.ts";
import type { StateLayout } from "../../protocol/model/state-layout.ts";
import type { RegulariserSettings } from "./regularisers.ts";
import type { AdversarySettings } from "./adversary-settings.ts";
import type { Optimizer, OptimizerSettings } from "./optimizer.ts";

/**
 * The seam between distillation and what computes it. A backend runs a `Graph` forward and
 * backward on some device; everything above this file speaks only of state vectors and batches.
 */

export type BackendName = "webgpu" | "wasm";

/** A batch of images as the network sees them. */
export interface ValueBatch {
  /** `[N, H, W, C]`, row-major, already normalised: (pixel/255 − mean)/std. */
  readonly values: Float32Array;
  /** N, the number of images. */
  readonly size: number;
}

/** A batch of images as they are stored, to be cropped, mirrored and normalised on the device. */
export interface PixelBatch {
  /** `[N, H, W, C]`, row-major, 0 … 255. */
  readonly pixels: Uint8Array;
  /** `[N, 3]`: row and column of the zero-padded image where the crop begins, 1 to mirror it. */
  readonly placements: Uint8Array;
  /** Zero pixels on each side of an image before the crop. */
  readonly cropPadding: number;
  /** `[C, 256]`: what each pixel value becomes, (pixel/255 − mean)/std. */
  readonly table: Float32Array;
  /** N, the number of images. */
  readonly size: number;
}

export type Batch = ValueBatch | PixelBatch;

/** Settings of one step of the session's optimiser. */
export interface StepSettings extends RegulariserSettings, OptimizerSettings {
  /** T of the softmax of teacher and student. */
  readonly temperature: number;
  /** Adversarial consistency beside distillation; none when left out. */
  readonly adversary?: AdversarySettings | undefined;
}

/** How a student answers, compared with its teacher. */
export interface Comparison {
  /** KL(teacher ‖ student) at temperature T, mean over the images, no T² factor, in nats. */
  readonly loss: number;
  /** Share of the images where teacher and student have the same largest logit. */
  readonly agreement: number;
}

/** What came of a step: the batch's own images. */
export interface StepResult extends Comparison {
  /** Of the perturbed copies, where the step had such: the teacher's answers are to clean images. */
  readonly adversary?: Comparison;
}

/** A step towards given answers instead of the teacher's; the temperature is 1. */
export type SupervisedSettings = OptimizerSettings;

export type GradientSettings = Omit<StepSettings, "learningRate" | "momentum" | "secondMomentum">;

export interface GradientResult extends StepResult {
  /**
   * dL/dθ + λ·θ over the trainable section of the state vector, dL/dθ where the regularisers take it.
   * What they correct after the optimiser is nobody's concern here: who takes the step has to see to
   * it.
   */
  readonly gradient: Float32Array;
}

/** Whether what the optimiser keeps (its velocity) outlives the loading of another student. */
export type VelocityAtLoad = "restart" | "keep";

export interface SessionReading {
  /** Trainable values, then running statistics. */
  readonly state: Float32Array;
  readonly results: readonly StepResult[];
  /** The universal δ `[H, W, C]`, where there is one, and φ `[grid, grid, 2]` behind it likewise. */
  readonly perturbation?: Float32Array;
}

/** A model's answers to perturbed images. */
export interface PerturbedAnswers {
  /** `[N, classes]` in evaluation mode. */
  readonly logits: Float32Array;
  /**
   * `[H, W, C]`: by the perturbation, of the sum over the images of KL(references ‖ answer) at
   * temperature 1; where references were given.
   */
  readonly gradient?: Float32Array;
}

/**
 * A frozen teacher and a student in training, both on the device.
 *
 * Calls must not overlap: await each before the next. `load` may be called any number of times.
 */
export interface Session {
  /**
   * Puts a student on the device; forgets results not asked for.
   *
   * @param state whole state vector (trainable values, then running statistics).
   * @param velocity what becomes of the optimiser's: it starts from zero unless kept.
   * @param perturbation the universal δ `[H, W, C]` to go on from, with or without a φ
   *   `[grid, grid, 2]` behind it. When left out, both are kept where the velocity is, and are
   *   otherwise zero.
   */
  load(state: Float32Array, velocity?: VelocityAtLoad, perturbation?: Float32Array): void;

  /**
   * One step of distillation; running statistics advance by one batch (one norm group after
   * the other). Resolves when the device can take the next step, which may be before this one is
   * done: `results` and `read` tell what came of it.
   *
   * @throws EngineError `invalid-input` for settings that cannot be trained with.
   */
  step(batch: Batch, settings: StepSettings): Promise<void>;

  /**
   * What came of each step since `results` or `read` was last asked, in order; waits for them.
   *
   * @throws EngineError `not-finite` when a loss is not finite.
   */
  results(): Promise<readonly StepResult[]>;

  /** The gradient of the distillation loss at the student; running statistics advance too. */
  gradient(batch: Batch, settings: GradientSettings): Promise<GradientResult>;

  /**
   * One step of cross-entropy towards given answers; the loss is KL(targets ‖ student).
   *
   * @param targets `[N, classes]`, each row a probability distribution.
   */
  superviseStep(batch: Batch, targets: Float32Array, settings: SupervisedSettings): Promise<void>;

  /** The student's whole state vector, and what `results` would tell, in one transfer. */
  read(): Promise<SessionReading>;

  /** Logits `[N, classes]` in evaluation mode (running statistics). */
  logits(which: "teacher" | "student", batch: Batch): Promise<Float32Array>;

  /**
   * The student's logits `[N, classes]` in training mode (statistics of this batch). Changes
   * nothing, running statistics included.
   */
  trainingLogits(batch: Batch): Promise<Float32Array>;

  /**
   * A model's answers to images with one perturbation added to all of them, and which way to change
   * the perturbation to lead the answers away from given ones. Changes nothing.
   *
   * @param perturbation `[H, W, C]`, in normalised pixels.
   * @param references `[N, classes]`, each row a probability distribution; no gradient when left
   *   out.
   *
   * @example
   * const clean = softmaxRows(await session.logits("student", batch), classes);
   * const { gradient } = await session.perturbedLogits("student", batch, perturbation, clean);
   */
  perturbedLogits(
    which: "teacher" | "student",
    batch: Batch,
    perturbation: Float32Array,
    references?: Float32Array,
  ): Promise<PerturbedAnswers>;

  /**
   * Means and variances of what the teacher's batch norms read over a batch, the teacher in
   * evaluation mode: what BNP compares running statistics with (Zheng et al., NeurIPS 2022). Changes
   * nothing.
   *
   * @returns means and unbiased variances over images and positions, in the places of the running
   *   statistics: values [layout.trainableLength, layout.length) of a state vector.
   * @throws EngineError `invalid-input` for a batch that gives a norm one value per channel.
   */
  channelStatistics(batch: Batch): Promise<Float32Array>;

  /** Frees the device memory; the session cannot be used afterwards. */
  close(): void;
}

export interface SessionOptions {
  readonly graph: Graph;
  readonly layout: StateLayout;
  /** The teacher's whole state vector. */
  readonly teacher: Float32Array;
  /**
   * Images over which a batch norm in training takes its statistics (ghost batch normalisation,
   * Hoffer et al. 2017); divides every batch. The whole batch when left out.
   */
  readonly normGroupSize?: number | undefined;
  /** `sgd` when left out. */
  readonly optimizer?: Optimizer | undefined;
}

/** Steps that are to be taken, as far as it decides what memory they need. */
export interface PlannedStep extends RegulariserSettings {
  /** Images of a batch. */
  readonly size: number;
  readonly adversary?: AdversarySettings | undefined;
}

/**
 * A device that runs sessions.
 *
 * @example
 * const engine = await openEngine({ backend: "auto" });
 * const session = engine.openSession({ graph, layout, teacher });
 * session.load(student);
 * await session.step(batch, settings);
 * const { state, results } = await session.read();
 */
export interface Engine {
  readonly backend: BackendName;
  /** For people: `NVIDIA RTX 4060 (webgpu)`, `WebAssembly SIMD, 1 thread`. */
  readonly adapter: string;
  /**
   * Whether sessions of a model can take such steps here, asked before its weights are there. Nothing is
   * allocated.
   *
   * @throws EngineError `too-large`, with what is needed, what there is and what to do.
   */
  requireRoom(model: Omit<SessionOptions, "teacher">, step: PlannedStep): Promise<void>;
  /** @throws EngineError when the graph holds an operation the backend cannot execute. */
  openSession(options: SessionOptions): Session;
  close(): Promise<void>;
}
