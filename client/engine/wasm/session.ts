import type { Graph } from "../../../protocol/model/graph.ts";
import type { StateLayout } from "../../../protocol/model/state-layout.ts";
import { checkBatch, normGroupSizeOf } from "../check-batch.ts";
import type {
  Batch,
  GradientResult,
  GradientSettings,
  Session,
  SessionOptions,
  SessionReading,
  StepResult,
  StepSettings,
  SupervisedSettings,
  VelocityAtLoad,
} from "../engine.ts";
import { checkLoss, checkStateLength } from "../check-state.ts";
import { EngineError } from "../engine-error.ts";
import { placedValues } from "../place-images.ts";
import type { ProgramMode } from "../program/compile.ts";
import { fromDeviceLayout, toDeviceLayout } from "../device-layout.ts";
import { foldTeacher, teacherLayout, type TeacherLayout } from "../program/teacher-layout.ts";
import { Descent } from "./descent.ts";
import type { Heap } from "./heap.ts";
import {
  compileBatch,
  imagesAtOnce,
  LoadedBatch,
  reserveFor,
  type Workplace,
} from "./loaded-batch.ts";
import { SessionMemory, type Model } from "./session-memory.ts";
import { takeTurn } from "./take-turn.ts";

/** What the student is to answer. */
interface Aim {
  readonly temperature: number;
  /** Undefined: the teacher's logits. */
  readonly probabilities: Float32Array | undefined;
}

/** A session in the memory of a WebAssembly engine. */
export class WasmSession implements Session {
  readonly #graph: Graph;
  readonly #layout: StateLayout;
  readonly #normGroupSize: number | undefined;
  readonly #teacherLayout: TeacherLayout;
  readonly #memory: SessionMemory;
  readonly #workplace: Workplace;
  readonly #descent: Descent;
  readonly #batches = new Map<string, LoadedBatch>();
  /** Of an evaluation; undefined before the first. */
  #imagesAtOnce: number | undefined;
  #results: StepResult[] = [];
  #hasStudent = false;
  #closed = false;

  constructor(heap: Heap, workplace: Workplace, options: SessionOptions) {
    const { graph, layout, teacher, normGroupSize } = options;
    this.#graph = graph;
    this.#layout = layout;
    this.#normGroupSize = normGroupSize;
    this.#workplace = workplace;
    checkStateLength(teacher, layout, "teacher");
    this.#teacherLayout = teacherLayout(graph);
    this.#memory = new SessionMemory(heap);
    this.#fold("teacher", teacher);
    const { length, trainableLength } = layout;
    this.#memory.reserve("student", length);
    this.#memory.reserve("gradient", trainableLength);
    this.#memory.reserve("velocity", trainableLength);
    this.#descent = new Descent(this.#memory, workplace, trainableLength);
  }

  load(state: Float32Array, velocity: VelocityAtLoad = "restart"): void {
    this.#requireOpen();
    checkStateLength(state, this.#layout, "student");
    const { length, trainableLength } = this.#layout;
    this.#memory.view("student", length).set(toDeviceLayout(state, this.#layout));
    if (velocity === "restart") this.#memory.view("velocity", trainableLength).fill(0);
    this.#results = [];
    this.#hasStudent = true;
  }

  async step(batch: Batch, settings: StepSettings): Promise<void> {
    const { temperature } = settings;
    const result = this.#differentiate(batch, { temperature, probabilities: undefined });
    this.#descent.run(settings);
    this.#results.push(result);
    await takeTurn();
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
    const result = this.#differentiate(batch, { temperature: 1, probabilities: targets });
    this.#descent.run(settings);
    this.#results.push(result);
    await takeTurn();
  }

  async results(): Promise<readonly StepResult[]> {
    this.#requireOpen();
    return this.#takeResults();
  }

  async gradient(batch: Batch, settings: GradientSettings): Promise<GradientResult> {
    const { temperature, weightDecay } = settings;
    const result = this.#differentiate(batch, { temperature, probabilities: undefined });
    checkLoss(result);
    const { trainableLength } = this.#layout;
    const values = this.#memory.view("gradient", trainableLength);
    const student = this.#memory.view("student", trainableLength);
    const decayed = values.map((value, i) => value + weightDecay * student[i]!);
    return { ...result, gradient: fromDeviceLayout(decayed, this.#layout) };
  }

  async read(): Promise<SessionReading> {
    return { state: this.#state(), results: this.#takeResults() };
  }

  async logits(which: "teacher" | "student", batch: Batch): Promise<Float32Array> {
    this.#requireOpen();
    checkBatch(batch, this.#graph.inputShape);
    const model = which === "teacher" ? "teacher" : "evaluated";
    if (which === "student") this.#fold("evaluated", this.#state());
    const values = placedValues(batch, this.#graph.inputShape);
    const perImage = values.length / batch.size;
    const logits = new Float32Array(batch.size * this.#graph.classes);
    const atOnce = (this.#imagesAtOnce ??= imagesAtOnce(
      this.#graph,
      this.#layout,
      this.#workplace.arenaBytes,
    ));
    for (let first = 0; first < batch.size; first += atOnce) {
      const size = Math.min(atOnce, batch.size - first);
      const loaded = this.#loaded("evaluate", size, size, model);
      const images = values.subarray(first * perImage, (first + size) * perImage);
      this.#memory.floats(loaded.program.images, model).set(images);
      loaded.run({ target: undefined, total: { loss: 0, agreement: 0 } });
      const found = this.#memory.floats(loaded.program.logits, model);
      logits.set(found, first * this.#graph.classes);
    }
    return logits;
  }

  async trainingLogits(batch: Batch): Promise<Float32Array> {
    const logits = new Float32Array(batch.size * this.#graph.classes);
    this.#run("observe", batch, undefined, (found, first) => {
      logits.set(found, first * this.#graph.classes);
    });
    return logits;
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#unload();
    this.#descent.unload();
    this.#memory.free();
    this.#results = [];
  }

  /** Leaves the gradient of the mean loss in memory; running statistics advance. */
  #differentiate(batch: Batch, aim: Aim): StepResult {
    this.#requireLoaded();
    this.#memory.view("gradient", this.#layout.trainableLength).fill(0);
    const mode = aim.probabilities ? "supervise" : "distil";
    return this.#run(mode, batch, aim, () => {});
  }

  /** Runs all micro-batches of a batch; `onLogits` is told each one's, and its first image. */
  #run(
    mode: ProgramMode,
    batch: Batch,
    aim: Aim | undefined,
    onLogits: (logits: Float32Array, firstImage: number) => void,
  ): StepResult {
    this.#requireLoaded();
    checkBatch(batch, this.#graph.inputShape);
    const groupSize = normGroupSizeOf(batch.size, this.#normGroupSize);
    const values = placedValues(batch, this.#graph.inputShape);
    const perImage = values.length / batch.size;
    const { classes } = this.#graph;
    const loaded = this.#loaded(mode, batch.size, groupSize, "teacher");
    const { groups, images, logits } = loaded.program;
    let total = { loss: 0, agreement: 0 };
    for (let first = 0; first < batch.size; first += groups * groupSize) {
      const end = first + groups * groupSize;
      this.#memory.floats(images, "teacher").set(values.subarray(first * perImage, end * perImage));
      const target = aim && {
        temperature: aim.temperature,
        batchSize: batch.size,
        probabilities: aim.probabilities?.subarray(first * classes, end * classes),
      };
      total = loaded.run({ target, total });
      onLogits(this.#memory.floats(logits, "teacher"), first);
    }
    return { loss: total.loss / batch.size, agreement: total.agreement / batch.size };
  }

  #loaded(mode: ProgramMode, batchSize: number, groupSize: number, model: Model): LoadedBatch {
    const key = `${mode} ${batchSize} ${model}`;
    const known = this.#batches.get(key);
    if (known) return known;
    const shape = { groupSize, groups: batchSize / groupSize };
    const { arenaBytes } = this.#workplace;
    const program = compileBatch(this.#graph, this.#layout, mode, shape, arenaBytes);
    if (reserveFor(program, this.#memory)) this.#unload();
    const loaded = new LoadedBatch(program, this.#memory, model, this.#workplace);
    this.#batches.set(key, loaded);
    return loaded;
  }

  #unload(): void {
    for (const batch of this.#batches.values()) batch.unload();
    this.#batches.clear();
  }

  #fold(model: Model, state: Float32Array): void {
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
