import type { Graph } from "../../../protocol/model/graph.ts";
import type { StateLayout } from "../../../protocol/model/state-layout.ts";
import { checkAnswers, checkBatch, normGroupSizeOf } from "../step/check-batch.ts";
import { checkAdversary, checkPerturbation } from "../step/check-adversary.ts";
import { checkRegularisers } from "../step/check-regularisers.ts";
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
import { checkLoss, checkStateLength } from "../step/check-state.ts";
import { EngineError } from "../engine-error.ts";
import { perturbedBatch } from "../step/perturb-images.ts";
import { placedValues } from "../step/place-images.ts";
import { fromDeviceLayout, toDeviceLayout } from "../program/device-layout.ts";
import { foldTeacher, teacherLayout, type TeacherLayout } from "../program/teacher-layout.ts";
import { Adversary } from "./adversary.ts";
import { BatchRunner, type BatchWork } from "./batch-runner.ts";
import { Descent } from "./descent.ts";
import { Distillation } from "./distillation.ts";
import { HeadShift } from "./head-shift.ts";
import type { Heap } from "./threads/heap.ts";
import type { Workplace } from "./loaded-batch.ts";
import { SessionMemory } from "./session-memory.ts";
import { takeTurn } from "./threads/take-turn.ts";

/** A session in the memory of a WebAssembly engine. */
export class WasmSession implements Session {
  readonly #graph: Graph;
  readonly #layout: StateLayout;
  readonly #normGroupSize: number | undefined;
  readonly #teacherLayout: TeacherLayout;
  /** As the state vector has it. */
  readonly #teacher: Float32Array;
  readonly #memory: SessionMemory;
  readonly #runner: BatchRunner;
  readonly #descent: Descent;
  readonly #adversary: Adversary;
  readonly #head: HeadShift;
  readonly #distillation: Distillation;
  #results: StepResult[] = [];
  #hasStudent = false;
  #closed = false;

  constructor(heap: Heap, workplace: Workplace, options: SessionOptions) {
    const { graph, layout, teacher, normGroupSize } = options;
    this.#graph = graph;
    this.#layout = layout;
    this.#normGroupSize = normGroupSize;
    checkStateLength(teacher, layout, "teacher");
    this.#teacher = teacher;
    this.#teacherLayout = teacherLayout(graph);
    this.#memory = new SessionMemory(heap);
    this.#runner = new BatchRunner(graph, layout, this.#memory, workplace);
    this.#adversary = new Adversary(graph.inputShape);
    this.#fold("teacher", teacher);
    const { length, trainableLength } = layout;
    this.#memory.reserve("student", length);
    this.#memory.reserve("gradient", trainableLength);
    this.#memory.reserve("velocity", trainableLength);
    this.#descent = new Descent(this.#memory, workplace, trainableLength);
    this.#head = new HeadShift(this.#memory, layout, teacher);
    const parts = { adversary: this.#adversary, head: this.#head, runner: this.#runner };
    this.#distillation = new Distillation(this.#memory, trainableLength, parts);
  }

  load(
    state: Float32Array,
    velocity: VelocityAtLoad = "restart",
    perturbation?: Float32Array,
  ): void {
    this.#requireOpen();
    checkStateLength(state, this.#layout, "student");
    if (perturbation || velocity === "restart") this.#adversary.universal = perturbation;
    const { length, trainableLength } = this.#layout;
    this.#memory.view("student", length).set(toDeviceLayout(state, this.#layout));
    if (velocity === "restart") this.#memory.view("velocity", trainableLength).fill(0);
    this.#results = [];
    this.#hasStudent = true;
  }

  async step(batch: Batch, settings: StepSettings): Promise<void> {
    const result = this.#distil(batch, settings);
    this.#descent.run(settings);
    if (settings.headShift) this.#head.bringToLength();
    this.#results.push(result);
    await takeTurn();
  }

  async superviseStep(
    batch: Batch,
    targets: Float32Array,
    settings: SupervisedSettings,
  ): Promise<void> {
    checkAnswers(targets, batch.size, this.#graph.classes);
    const images = this.#images(batch);
    this.#memory.view("gradient", this.#layout.trainableLength).fill(0);
    const aim = { temperature: 1, given: targets };
    const result = this.#runner.run({ ...images, mode: "supervise", aim });
    this.#descent.run(settings);
    this.#results.push(result);
    await takeTurn();
  }

  async results(): Promise<readonly StepResult[]> {
    this.#requireOpen();
    return this.#takeResults();
  }

  async gradient(batch: Batch, settings: GradientSettings): Promise<GradientResult> {
    const { weightDecay } = settings;
    const result = this.#distil(batch, settings);
    checkLoss(result);
    const { trainableLength } = this.#layout;
    const values = this.#memory.view("gradient", trainableLength);
    const student = this.#memory.view("student", trainableLength);
    const decayed = values.map((value, i) => value + weightDecay * student[i]!);
    await takeTurn();
    return { ...result, gradient: fromDeviceLayout(decayed, this.#layout) };
  }

  async read(): Promise<SessionReading> {
    const reading = { state: this.#state(), results: this.#takeResults() };
    const perturbation = this.#adversary.universal;
    return perturbation ? { ...reading, perturbation } : reading;
  }

  async logits(which: "teacher" | "student", batch: Batch): Promise<Float32Array> {
    this.#requireOpen();
    checkBatch(batch, this.#graph.inputShape);
    const values = placedValues(batch, this.#graph.inputShape);
    if (which === "student") this.#fold("evaluated", this.#state());
    const model = which === "student" ? "evaluated" : "teacher";
    const logits = this.#runner.evaluate(model, values, batch.size);
    await takeTurn();
    return logits;
  }

  async trainingLogits(batch: Batch): Promise<Float32Array> {
    const { classes } = this.#graph;
    const work = { ...this.#images(batch), mode: "observe", aim: undefined } as const;
    const logits = new Float32Array(batch.size * classes);
    this.#runner.run(work, (found, first) => logits.set(found, first * classes));
    await takeTurn();
    return logits;
  }

  async perturbedLogits(
    which: "teacher" | "student",
    batch: Batch,
    perturbation: Float32Array,
    references?: Float32Array,
  ): Promise<PerturbedAnswers> {
    this.#requireOpen();
    const { inputShape, classes } = this.#graph;
    checkBatch(batch, inputShape);
    checkPerturbation(perturbation, inputShape, 0);
    const perturbed = perturbedBatch(batch, perturbation, inputShape);
    if (!references) return { logits: await this.logits(which, perturbed) };
    checkAnswers(references, batch.size, classes);
    if (which === "student") this.#requireLoaded();
    else this.#bringTeacher();
    const model = which === "student" ? "teacher" : "inspected";
    const answers = this.#runner.inspect(model, perturbed.values, batch.size, references);
    await takeTurn();
    return answers;
  }

  async channelStatistics(batch: Batch): Promise<Float32Array> {
    this.#requireOpen();
    checkBatch(batch, this.#graph.inputShape);
    const values = placedValues(batch, this.#graph.inputShape);
    this.#bringTeacher();
    this.#runner.measure("inspected", values, batch.size);
    const { length, trainableLength } = this.#layout;
    const inspected = this.#memory.view("inspected", length);
    // Statistics lie on the device as in a state vector.
    const found = inspected.slice(trainableLength);
    inspected.set(this.#teacher.subarray(trainableLength), trainableLength);
    await takeTurn();
    return found;
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#runner.unload();
    this.#descent.unload();
    this.#memory.free();
    this.#results = [];
  }

  /** Leaves the gradient of the distillation loss in memory; running statistics advance. */
  #distil(batch: Batch, settings: Omit<GradientSettings, "weightDecay">): StepResult {
    const images = this.#images(batch);
    if (settings.adversary) checkAdversary(settings.adversary, this.#graph.inputShape);
    checkRegularisers(settings, this.#layout);
    return this.#distillation.differentiate(images, settings);
  }

  #images(batch: Batch): Pick<BatchWork, "values" | "size" | "groupSize"> {
    this.#requireLoaded();
    checkBatch(batch, this.#graph.inputShape);
    const { size } = batch;
    const groupSize = normGroupSizeOf(size, this.#normGroupSize);
    return { values: placedValues(batch, this.#graph.inputShape), size, groupSize };
  }

  /** Puts the teacher's own values where a student's could be. */
  #bringTeacher(): void {
    if (this.#memory.has("inspected")) return;
    const { length } = this.#layout;
    this.#memory.reserve("inspected", length);
    this.#memory.view("inspected", length).set(toDeviceLayout(this.#teacher, this.#layout));
  }

  #fold(model: "teacher" | "evaluated", state: Float32Array): void {
    const folded = foldTeacher(this.#teacherLayout, this.#layout, state);
    this.#memory.reserve(model, folded.length);
    this.#memory.view(model, folded.length).set(folded);
  }

  #state(): Float32Array {
    this.#requireLoaded();
    return fromDeviceLayout(this.#memory.view("student", this.#layout.length), this.#layout);
  }

  #takeResults(): StepResult[] {
    const results = this.#results;
    this.#results = [];
    for (const result of results) checkLoss(result);
    return results;
  }

  #requireOpen(): void {
    if (this.#closed) throw new EngineError("closed", "this session was closed");
  }

  #requireLoaded(): void {
    this.#requireOpen();
    if (!this.#hasStudent) {
      throw new EngineError("invalid-input", "load a student before training it");
    }
  }
}
