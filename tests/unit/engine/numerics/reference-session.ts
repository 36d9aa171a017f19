import type {
  Batch,
  Engine,
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
} from "../../../../client/engine/engine.ts";
import { isTrainable, type Graph } from "../../../../protocol/model/graph.ts";
import type { StateLayout } from "../../../../protocol/model/state-layout.ts";
import { imageValues } from "./image-values.ts";
import {
  addPerturbation,
  copiedRows,
  copyPlan,
  gradientOfCopies,
  perturbedCopies,
  passGroups,
  ReferencePerturbation,
  summedGradient,
  sumRows,
  takeRows,
  withCopies,
  type CopyPlan,
} from "./reference-adversary.ts";
import { distillationLoss } from "./reference-distillation.ts";
import { referenceLoss } from "./reference-loss.ts";
import { statisticsOf } from "./reference-statistics.ts";
import { bringHeadsToLength, steeper, withHeadShift } from "./reference-regularisers.ts";
import { advanceStatistics, descend } from "./reference-training.ts";
import { runForward, type NormGroups, type ReferencePass } from "./reference-network.ts";
import { runBackward } from "./reference-backward.ts";
import type { Tensor } from "./reference-operations.ts";

/**
 * How values are kept between operations. In `float32` each operation still computes in float64
 * and only its result is rounded: the least error any engine that stores float32 can have.
 */
export type Storage = "float64" | "float32";

/** What one batch gives. */
interface Differentiated {
  readonly result: StepResult;
  /** By parameter, and by what the pass read as images. */
  readonly gradients: Map<string, Tensor>;
}

/** The reference for whatever opens sessions. */
export function referenceEngine(storage: Storage = "float64"): Pick<Engine, "openSession"> {
  return { openSession: (options) => new ReferenceSession(options, storage) };
}

/**
 * What a `Session` must do, in float64 and plain loops. Only what it returns is rounded to
 * float32.
 *
 * It also keeps how near anything came to what float32 does not resolve (`rectifierMargin`,
 * `smallestLead`, `normSpread`, `signMargin`, `warpMargin`): a case too near tells nothing about an engine.
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
  readonly #perturbation = new ReferencePerturbation();
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

  load(state: Float32Array, velocity?: VelocityAtLoad, perturbation?: Float32Array): void {
    this.#student = tensorsOf(this.#layout, state);
    const keeps = velocity === "keep";
    if (!keeps) this.#velocity.clear();
    if (perturbation) this.#perturbation.universal = Float64Array.from(perturbation);
    else if (!keeps) this.#perturbation.universal = undefined;
  }

  /** Nearest that any place of a warp came to where the slope of its sample jumps, so far. */
  get warpMargin(): number {
    return this.#perturbation.warpMargin;
  }

  /** Smallest component of a gradient whose sign was taken, in the largest, so far. */
  get signMargin(): number {
    return this.#perturbation.signMargin;
  }

  async step(batch: Batch, settings: StepSettings): Promise<void> {
    const images = this.#images(batch);
    this.#descend(this.#distil(images, settings), settings);
    if (!settings.headShift) return;
    bringHeadsToLength(this.#graph, this.#student, this.#teacher, this.#store);
  }

  async superviseStep(
    batch: Batch,
    targets: Float32Array,
    settings: SupervisedSettings,
  ): Promise<void> {
    const target = { probabilities: Float64Array.from(targets) };
    const pass = this.#forwardInTraining(this.#images(batch));
    const { loss, agreement, dLogits, smallestLead } = referenceLoss(pass.logits, target);
    this.smallestLead = Math.min(this.smallestLead, smallestLead);
    const gradients = runBackward(this.#graph, this.#student, pass, dLogits, this.#store);
    advanceStatistics(this.#graph, this.#student, pass, this.#store);
    this.#descend({ result: { loss, agreement }, gradients }, settings);
  }

  async results(): Promise<readonly StepResult[]> {
    return this.#results.splice(0);
  }

  async gradient(batch: Batch, settings: GradientSettings): Promise<GradientResult> {
    const { weightDecay } = settings;
    const { result, gradients } = this.#distil(this.#images(batch), settings);
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
    const reading = { state, results: await this.results() };
    const { universal } = this.#perturbation;
    return universal ? { ...reading, perturbation: Float32Array.from(universal) } : reading;
  }

  async logits(which: "teacher" | "student", batch: Batch): Promise<Float32Array> {
    const parameters = which === "teacher" ? this.#teacher : this.#student;
    return Float32Array.from(this.#evaluate(parameters, this.#images(batch)).logits.values);
  }

  async trainingLogits(batch: Batch): Promise<Float32Array> {
    return Float32Array.from(this.#forwardInTraining(this.#images(batch)).logits.values);
  }

  async perturbedLogits(
    which: "teacher" | "student",
    batch: Batch,
    perturbation: Float32Array,
    references?: Float32Array,
  ): Promise<PerturbedAnswers> {
    const parameters = which === "teacher" ? this.#teacher : this.#student;
    const images = addPerturbation(this.#images(batch), Float64Array.from(perturbation));
    const pass = this.#evaluate(parameters, images);
    const logits = Float32Array.from(pass.logits.values);
    if (!references) return { logits };
    const probabilities = Float64Array.from(references);
    const dLogits = summedGradient(pass.logits, { probabilities });
    const gradients = runBackward(this.#graph, parameters, pass, dLogits, this.#store);
    const gradient = sumRows(gradients.get(this.#graph.input)!);
    return { logits, gradient: Float32Array.from(gradient) };
  }

  async channelStatistics(batch: Batch): Promise<Float32Array> {
    const pass = this.#evaluate(this.#teacher, this.#images(batch));
    const { normSpread, statistics } = statisticsOf(this.#graph, this.#layout, pass);
    this.normSpread = Math.min(this.normSpread, normSpread);
    return statistics;
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
    const size = this.#normGroupSize ?? images.shape[0]!;
    return this.#trainingPass(images, { size, clean: size });
  }

  #trainingPass(images: Tensor, groups: NormGroups): ReferencePass {
    return this.#watch(runForward(this.#graph, this.#student, images, groups, this.#store));
  }

  #watch(pass: ReferencePass): ReferencePass {
    this.rectifierMargin = Math.min(this.rectifierMargin, pass.rectifierMargin);
    this.normSpread = Math.min(this.normSpread, pass.normSpread);
    return pass;
  }

  /** Distillation on images and perturbed copies, with ascents before or after it. */
  #distil(images: Tensor, settings: GradientSettings): Differentiated {
    const { adversary, headShift, sharpness } = settings;
    const size = images.shape[0]!;
    const groupSize = this.#normGroupSize ?? size;
    const { logits: teacher } = this.#evaluate(this.#teacher, images);
    const plan = copyPlan(adversary?.share ?? 0, size, groupSize);
    const imageLength = images.values.length / size;
    let moved = adversary && this.#perturbation.first(adversary, plan, imageLength);
    const climb = (gradient: Tensor): void => {
      moved = this.#perturbation.climb(moved!, gradient, images, plan, adversary!);
    };
    for (let i = 0; i < (adversary?.ascents ?? 0); i++) {
      climb(this.#gradientInEvaluation(perturbedCopies(images, plan, moved!), teacher, plan));
    }

    const rows = moved ? withCopies(images, plan, moved) : images;
    const groups = moved ? passGroups(plan) : { size: groupSize, clean: groupSize };
    const differentiate = () => {
      const pass = this.#trainingPass(rows, groups);
      const loss = distillationLoss(pass.logits, teacher, plan, settings);
      this.smallestLead = Math.min(this.smallestLead, loss.smallestLead);
      const found = runBackward(this.#graph, this.#student, pass, loss.dLogits, this.#store);
      const weight = headShift?.weight ?? 0;
      const gradients = withHeadShift(this.#graph, found, this.#teacher, weight);
      return { pass, result: loss.result, gradients };
    };
    const student = this.#student;
    const { pass, result, gradients: atStudent } = differentiate();
    let gradients = atStudent;
    if (sharpness) {
      this.#student = steeper(student, gradients, sharpness.rho, this.#store);
      gradients = differentiate().gradients;
      this.#student = student;
    }
    advanceStatistics(this.#graph, student, pass, this.#store);
    if (adversary?.ascents === 0) climb(gradientOfCopies(gradients.get(this.#graph.input)!, plan));
    if (adversary?.scope === "universal") this.#perturbation.keep(moved!, this.#store);
    return { result, gradients };
  }

  /** By each copy, of Σ KL(teacher ‖ student) over them. */
  #gradientInEvaluation(copies: Tensor, teacher: Tensor, plan: CopyPlan): Tensor {
    const rows = copiedRows(plan);
    const pass = this.#evaluate(this.#student, copies);
    const logits = takeRows(teacher, rows);
    const dLogits = summedGradient(pass.logits, { logits, temperature: 1 });
    const gradients = runBackward(this.#graph, this.#student, pass, dLogits, this.#store);
    return gradients.get(this.#graph.input)!;
  }

  #descend({ result, gradients }: Differentiated, settings: SupervisedSettings): void {
    this.#results.push(result);
    descend(this.#student, this.#velocity, gradients, settings, this.#store);
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
