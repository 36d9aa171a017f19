import type { Graph } from "../../../protocol/model/graph.ts";
import type { StateLayout } from "../../../protocol/model/state-layout.ts";
import { checkAnswers, checkBatch, normGroupSizeOf } from "../step/check-batch.ts";
import { checkPerturbation } from "../step/check-adversary.ts";
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
import { stepRequest } from "../step/request.ts";
import { fromDeviceLayout, toDeviceLayout } from "../program/device-layout.ts";
import { foldTeacher, teacherLayout, type TeacherLayout } from "../program/teacher-layout.ts";
import { Adversary } from "./adversary.ts";
import { BatchRunner } from "./batch-runner.ts";
import { Descent } from "./descent.ts";
import type { Heap } from "./threads/heap.ts";
import type { Workplace } from "./loaded-batch.ts";
import { SessionMemory } from "./session-memory.ts";
import { StepEnds } from "./step-ends.ts";
import { runStep } from "./step-interpreter.ts";
import { takeTurn } from "./threads/take-turn.ts";

/** A session in the memory of a WebAssembly engine. */
export class WasmSession implements Session {
  readonly #options: SessionOptions;
  readonly #graph: Graph;
  readonly #layout: StateLayout;
  readonly #teacherLayout: TeacherLayout;
  /** As the state vector has it. */
  readonly #teacher: Float32Array;
  readonly #memory: SessionMemory;
  readonly #runner: BatchRunner;
  readonly #descent: Descent;
  readonly #adversary: Adversary;
  readonly #ends: StepEnds;
  #results: StepResult[] = [];
  #hasStudent = false;
  #closed = false;

  constructor(heap: Heap, workplace: Workplace, options: SessionOptions) {
    const { graph, layout, teacher } = options;
    this.#options = options;
    this.#graph = graph;
    this.#layout = layout;
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
    const { optimizer = "sgd" } = options;
    this.#descent = new Descent(this.#memory, workplace, optimizer, trainableLength);
    this.#ends = new StepEnds(this.#memory, options, this.#adversary, this.#descent);
  }

  load(
    state: Float32Array,
    velocity: VelocityAtLoad = "restart",
    perturbation?: Float32Array,
  ): void {
    this.#requireOpen();
    checkStateLength(state, this.#layout, "student");
    if (perturbation || velocity === "restart") this.#adversary.universal = perturbation;
    this.#memory.view("student", this.#layout.length).set(toDeviceLayout(state, this.#layout));
    if (velocity === "restart") this.#descent.restart();
    this.#results = [];
    this.#hasStudent = true;
  }

  async step(batch: Batch, settings: StepSettings): Promise<void> {
    this.#results.push(this.#run(batch, "distil", settings, "descend"));
    await takeTurn();
  }

  async superviseStep(
    batch: Batch,
    targets: Float32Array,
    settings: SupervisedSettings,
  ): Promise<void> {
    checkAnswers(targets, batch.size, this.#graph.classes);
    // A step's settings may come in these settings' place.
    const { learningRate, momentum, weightDecay, secondMomentum } = settings;
    const supervised = { learningRate, momentum, weightDecay, secondMomentum, temperature: 1 };
    this.#results.push(this.#run(batch, "supervise", supervised, "descend", targets));
    await takeTurn();
  }

  async results(): Promise<readonly StepResult[]> {
    this.#requireOpen();
    return this.#takeResults();
  }

  async gradient(batch: Batch, settings: GradientSettings): Promise<GradientResult> {
    const still = { ...settings, learningRate: 0, momentum: 0 };
    const result = this.#run(batch, "distil", still, "decay");
    checkLoss(result);
    const gradient = fromDeviceLayout(this.#ends.gradient, this.#layout);
    await takeTurn();
    return { ...result, gradient };
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
    this.#requireLoaded();
    const { inputShape } = this.#graph;
    checkBatch(batch, inputShape);
    const groupSize = normGroupSizeOf(batch.size, this.#options.normGroupSize);
    const values = placedValues(batch, inputShape);
    const logits = this.#runner.observe({ values, size: batch.size, groupSize });
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

  #run(
    batch: Batch,
    mode: "distil" | "supervise",
    settings: StepSettings,
    finish: "descend" | "decay",
    targets?: Float32Array,
  ): StepResult {
    this.#requireLoaded();
    const request = stepRequest(this.#options, batch, mode, settings, finish);
    const values = placedValues(batch, this.#graph.inputShape);
    const parts = { runner: this.#runner, adversary: this.#adversary, ends: this.#ends };
    return runStep(parts, request, values, settings, targets);
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
