import type {
  Batch,
  GradientSettings,
  PerturbedAnswers,
  Session,
  SessionReading,
  StepResult,
  StepSettings,
  VelocityAtLoad,
} from "../../../client/engine/engine.ts";
import { placedValues } from "../../../client/engine/step/place-images.ts";
import type { ImageShape } from "../../../protocol/model/graph.ts";

/**
 * A session of a linear classifier, logits = W·x + b, whose state is W `[classes, values]`, then b.
 * Its steps train nothing: they are written down, with all else that is asked of it.
 */
export class LinearSession implements Session {
  readonly shape: ImageShape;
  readonly teacher: Float32Array;
  student: Float32Array;
  readonly loads: VelocityAtLoad[] = [];
  readonly steps: (StepSettings | GradientSettings)[] = [];
  /** Values of all images that steps were taken on, `[H·W·C]` each. */
  readonly trainedOn: Float32Array[] = [];
  /** Those that the student was asked about, and the teacher. */
  readonly perturbations: Float32Array[] = [];
  readonly teacherPerturbations: Float32Array[] = [];
  /** Values of all images that the teacher's clean answers were asked for, `[H·W·C]` each. */
  readonly teacherSaw: Float32Array[] = [];
  /** Values of all images that statistics were taken of. */
  readonly measuredOn: Float32Array[] = [];
  /** Passes of the student that were asked for a gradient. */
  gradients = 0;
  teacherAsked = 0;
  #results: StepResult[] = [];

  constructor(shape: ImageShape, teacher: Float32Array, student = teacher) {
    this.shape = shape;
    this.teacher = teacher;
    this.student = student;
  }

  get classes(): number {
    return this.teacher.length / (this.#size + 1);
  }

  load(state: Float32Array, velocity: VelocityAtLoad = "restart"): void {
    this.student = state.slice();
    this.loads.push(velocity);
  }

  step(batch: Batch, settings: StepSettings): Promise<void> {
    this.#note(batch, settings);
    this.#results.push({ loss: 1, agreement: 1 });
    return Promise.resolve();
  }

  gradient(batch: Batch, settings: GradientSettings) {
    this.#note(batch, settings);
    const gradient = new Float32Array(this.student.length);
    return Promise.resolve({ loss: 1, agreement: 1, gradient });
  }

  results(): Promise<readonly StepResult[]> {
    const results = this.#results;
    this.#results = [];
    return Promise.resolve(results);
  }

  async read(): Promise<SessionReading> {
    return { state: this.student.slice(), results: await this.results() };
  }

  logits(which: "teacher" | "student", batch: Batch): Promise<Float32Array> {
    if (which === "teacher") {
      this.teacherAsked += batch.size;
      this.teacherSaw.push(...this.#imagesOf(batch));
    }
    return Promise.resolve(this.#answers(this[which], batch));
  }

  perturbedLogits(
    which: "teacher" | "student",
    batch: Batch,
    perturbation: Float32Array,
    references?: Float32Array,
  ): Promise<PerturbedAnswers> {
    (which === "student" ? this.perturbations : this.teacherPerturbations).push(
      perturbation.slice(),
    );
    const model = this[which];
    const logits = this.#answers(model, batch, perturbation);
    if (!references) return Promise.resolve({ logits });
    if (which === "student") this.gradients++;
    const gradient = new Float32Array(this.#size);
    for (let row = 0; row < batch.size; row++) {
      const at = row * this.classes;
      const answer = softmax(logits.subarray(at, at + this.classes));
      for (let k = 0; k < this.classes; k++) {
        const pull = answer[k]! - references[at + k]!;
        for (let i = 0; i < this.#size; i++) gradient[i]! += pull * model[k * this.#size + i]!;
      }
    }
    return Promise.resolve({ logits, gradient });
  }

  superviseStep = unused;
  trainingLogits = unused;
  close = (): void => undefined;

  /** It has no batch norms. */
  channelStatistics(batch: Batch): Promise<Float32Array> {
    this.measuredOn.push(...this.#imagesOf(batch));
    return Promise.resolve(new Float32Array(0));
  }

  get #size(): number {
    return this.shape.height * this.shape.width * this.shape.channels;
  }

  #note(batch: Batch, settings: StepSettings | GradientSettings): void {
    this.steps.push(settings);
    this.trainedOn.push(...this.#imagesOf(batch));
  }

  #imagesOf(batch: Batch): Float32Array[] {
    const values = placedValues(batch, this.shape);
    return Array.from({ length: batch.size }, (_, i) =>
      values.slice(i * this.#size, (i + 1) * this.#size),
    );
  }

  #answers(model: Float32Array, batch: Batch, perturbation?: Float32Array): Float32Array {
    const values = placedValues(batch, this.shape);
    const size = this.#size;
    return Float32Array.from({ length: batch.size * this.classes }, (_, i) => {
      const [row, k] = [Math.floor(i / this.classes), i % this.classes];
      let sum = model[this.classes * size + k]!;
      for (let v = 0; v < size; v++) {
        sum += model[k * size + v]! * (values[row * size + v]! + (perturbation?.[v] ?? 0));
      }
      return sum;
    });
  }
}

function unused(): never {
  throw new Error("nobody asks this of a linear session");
}

function softmax(logits: Float32Array): Float64Array {
  const top = Math.max(...logits);
  const shares = Float64Array.from(logits, (value) => Math.exp(value - top));
  const sum = shares.reduce((total, share) => total + share, 0);
  return shares.map((share) => share / sum);
}
