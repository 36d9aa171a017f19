import type { StateLayout } from "../../../protocol/model/state-layout.ts";
import { checkKeptPerturbation, checkPerturbation } from "../step/check-adversary.ts";
import { checkAnswers, checkBatch, normGroupSizeOf } from "../step/check-batch.ts";
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
import { fromDeviceLayout, toDeviceLayout } from "../program/device-layout.ts";
import { foldTeacher, teacherLayout, type TeacherLayout } from "../program/teacher-layout.ts";
import { perturbedBatch } from "../step/perturb-images.ts";
import { copiesIn, questionRequest, type StepRequest } from "../step/request.ts";
import { DeviceKeeper } from "./device-keeper.ts";
import { checkRange, meanOf } from "./device-result.ts";
import type { DeviceSession } from "./device-session.ts";
import type { Answer, Question, Work } from "./device-work.ts";
import { packInput } from "./wgsl/input-layout.ts";
import { ReplayLog, type SafePoint } from "./replay-log.ts";
import { cropPaddingOf, workOf } from "./step-work.ts";
import { RING } from "./wgsl/results.ts";

/** Opens the session's part on a device that works. */
export type OpenDeviceSession = (
  teacher: Float32Array<ArrayBuffer>,
  options: SessionOptions,
  mostGroups: number,
) => Promise<DeviceSession>;

/**
 * A session that outlives its device. All that changed the student since the last safe point is in
 * a log; when the device is lost, another one starts at the safe point and does it all again, to the
 * same bits.
 */
export class WebgpuSession implements Session {
  readonly #options: SessionOptions;
  readonly #layout: StateLayout;
  readonly #teacherLayout: TeacherLayout;
  readonly #log = new ReplayLog();
  readonly #keeper: DeviceKeeper;
  /**
   * A student that takes over the velocity of the one before it, and without a perturbation of its
   * own that too; they may be on the device yet.
   */
  #arriving: Pick<SafePoint, "student" | "perturbation"> | undefined;
  /** The teacher's own values as a device has them, once somebody asked about them. */
  #teacher: Float32Array<ArrayBuffer> | undefined;
  /** Steps since the optimiser was at rest. */
  #steps = 0;
  #closed = false;

  constructor(open: OpenDeviceSession, options: SessionOptions) {
    const { graph, layout, teacher } = options;
    checkStateLength(teacher, layout, "teacher");
    this.#options = options;
    this.#layout = layout;
    this.#teacherLayout = teacherLayout(graph);
    const folded = foldTeacher(this.#teacherLayout, layout, teacher);
    this.#keeper = new DeviceKeeper((most) => open(folded, options, most), this.#log);
  }

  load(state: Float32Array, velocity: VelocityAtLoad = "restart", given?: Float32Array): void {
    this.#requireOpen();
    checkStateLength(state, this.#layout, "student");
    if (given) checkKeptPerturbation(given, this.#options.graph.inputShape);
    const student = toDeviceLayout(state, this.#layout);
    const perturbation = given && new Float32Array(given);
    const keeps = velocity === "keep" && this.#log.safePoint !== undefined;
    this.#arriving = keeps ? { student, perturbation } : undefined;
    if (keeps) return;
    this.#steps = 0;
    this.#begin({ student, velocity: undefined, perturbation });
  }

  async step(batch: Batch, settings: StepSettings): Promise<void> {
    await this.#descend(this.#work(batch, undefined, settings, "descend"));
  }

  async superviseStep(
    batch: Batch,
    targets: Float32Array,
    settings: SupervisedSettings,
  ): Promise<void> {
    checkAnswers(targets, batch.size, this.#options.graph.classes);
    // A step's settings may come in these settings' place.
    const { learningRate, momentum, weightDecay, secondMomentum } = settings;
    const supervised = { learningRate, momentum, weightDecay, secondMomentum, temperature: 1 };
    await this.#descend(this.#work(batch, targets, supervised, "descend"));
  }

  async gradient(batch: Batch, settings: GradientSettings): Promise<GradientResult> {
    const still = { ...settings, learningRate: 0, momentum: 0 };
    const work = this.#work(batch, undefined, still, "decay");
    const slot = await this.#change(work, false);
    const { gradient, result } = await this.#keeper.use((device) => device.readGradient(slot));
    checkRange(result);
    const mean = meanOf(result, batch.size, copiesIn(work.request));
    checkLoss(mean);
    return { ...mean, gradient: fromDeviceLayout(gradient, this.#layout) };
  }

  async results(): Promise<readonly StepResult[]> {
    this.#requireOpen();
    await this.#receive();
    if (this.#log.hasUnknownResults) {
      this.#log.learn(await this.#keeper.use((device) => device.readResults()));
    }
    return this.#takeResults();
  }

  async read(): Promise<SessionReading> {
    this.#requireLoaded();
    await this.#receive();
    if (this.#log.length > 0) await this.#makeSafe();
    const { student, perturbation } = this.#log.safePoint!;
    const state = fromDeviceLayout(student, this.#layout);
    const reading = { state, results: this.#takeResults() };
    return perturbation ? { ...reading, perturbation: perturbation.slice() } : reading;
  }

  async logits(which: "teacher" | "student", batch: Batch): Promise<Float32Array> {
    this.#requireOpen();
    checkBatch(batch, this.#options.graph.inputShape);
    if (which === "student") this.#requireLoaded();
    await this.#receive();
    const request = questionRequest("evaluate", batch, batch.size);
    const answer = await this.#answer(batch, request, undefined, async (device) =>
      which === "student"
        ? { name: "evaluated", values: await this.#foldStudent(device) }
        : undefined,
    );
    return answer.logits;
  }

  async trainingLogits(batch: Batch): Promise<Float32Array> {
    this.#requireLoaded();
    checkBatch(batch, this.#options.graph.inputShape);
    await this.#receive();
    const groupSize = normGroupSizeOf(batch.size, this.#options.normGroupSize);
    const request = questionRequest("observe", batch, groupSize);
    return (await this.#answer(batch, request)).logits;
  }

  async perturbedLogits(
    which: "teacher" | "student",
    batch: Batch,
    perturbation: Float32Array,
    references?: Float32Array,
  ): Promise<PerturbedAnswers> {
    this.#requireOpen();
    const { inputShape, classes } = this.#options.graph;
    checkBatch(batch, inputShape);
    checkPerturbation(perturbation, inputShape, 0);
    const perturbed = perturbedBatch(batch, perturbation, inputShape);
    if (!references) return { logits: await this.logits(which, perturbed) };
    checkAnswers(references, batch.size, classes);
    if (which === "student") this.#requireLoaded();
    await this.#receive();
    const request = questionRequest("attack", perturbed, batch.size);
    const answer = await this.#answer(perturbed, request, references, async () =>
      which === "teacher" ? this.#inspectedTeacher() : undefined,
    );
    return { logits: answer.logits, gradient: answer.gradient! };
  }

  async channelStatistics(batch: Batch): Promise<Float32Array> {
    this.#requireOpen();
    checkBatch(batch, this.#options.graph.inputShape);
    await this.#receive();
    const request = questionRequest("measure", batch, batch.size);
    const answer = await this.#answer(batch, request, undefined, async () =>
      this.#inspectedTeacher(),
    );
    return answer.statistics!;
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#keeper.close();
    this.#arriving = undefined;
    this.#log.forget();
  }

  #begin(safePoint: SafePoint): void {
    this.#log.begin(safePoint);
    this.#keeper.startAgain();
  }

  /** Gives an arriving student the velocity it takes over. */
  async #receive(): Promise<void> {
    const arriving = this.#arriving;
    if (!arriving) return;
    // A round ends by being read, which leaves nothing to ask the device for.
    if (this.#log.length > 0) await this.#makeSafe();
    this.#arriving = undefined;
    const { velocity, perturbation } = this.#log.safePoint!;
    const { student } = arriving;
    this.#begin({ student, velocity, perturbation: arriving.perturbation ?? perturbation });
  }

  #work(
    batch: Batch,
    targets: Float32Array | undefined,
    settings: StepSettings,
    finish: "descend" | "decay",
  ): Work {
    this.#requireLoaded();
    return workOf(this.#options, batch, targets, settings, finish, this.#steps + 1);
  }

  /** A step that counts once it is in the log. */
  async #descend(work: Work): Promise<void> {
    await this.#change(work, true);
    this.#steps++;
  }

  /** Runs work that changes the student; returns where its result will be. */
  async #change(work: Work, counts: boolean): Promise<number> {
    await this.#receive();
    if (this.#log.length === RING) await this.#makeSafe();
    const slot = this.#log.add(work, counts);
    try {
      await this.#keeper.use(async () => {});
    } catch (error) {
      // What cannot be done must not be tried again.
      if (this.#keeper.applied <= slot) this.#log.drop(slot);
      throw error;
    }
    return slot;
  }

  /** Makes the present a safe point, from where a replay starts. */
  async #makeSafe(): Promise<void> {
    const { perturbs } = this.#log;
    const { results, ...present } = await this.#keeper.use((device) =>
      device.read({ velocity: true, perturbation: perturbs }),
    );
    this.#log.learn(results);
    this.#log.advance(present);
    this.#keeper.goOn();
  }

  /** @param standIn a model in place of the session's. */
  async #answer(
    batch: Batch,
    request: StepRequest,
    targets?: Float32Array,
    standIn: (device: DeviceSession) => Promise<Question["standIn"]> = async () => undefined,
  ): Promise<Answer> {
    const answer = await this.#keeper.use(async (device) => {
      const model = await standIn(device);
      return device.ask({
        request,
        cropPadding: cropPaddingOf(batch),
        words: (layout) => packInput(batch, targets, layout),
        ...(model && { standIn: model }),
      });
    });
    checkRange(answer);
    return answer;
  }

  async #foldStudent(device: DeviceSession): Promise<Float32Array<ArrayBuffer>> {
    const { student, results } = await device.read({ velocity: false, perturbation: false });
    this.#log.learn(results);
    const state = fromDeviceLayout(student, this.#layout);
    return foldTeacher(this.#teacherLayout, this.#layout, state);
  }

  /** The teacher with its own values, not folded. */
  #inspectedTeacher(): NonNullable<Question["standIn"]> {
    const values = (this.#teacher ??= toDeviceLayout(this.#options.teacher, this.#layout));
    return { name: "inspected", values };
  }

  #takeResults(): readonly StepResult[] {
    const results = this.#log.takeResults().map(({ sums, images, copies }) => {
      checkRange(sums);
      return meanOf(sums, images, copies);
    });
    results.forEach(checkLoss);
    return results;
  }

  #requireOpen(): void {
    if (this.#closed) throw new EngineError("closed", "this session was closed");
  }

  #requireLoaded(): void {
    this.#requireOpen();
    if (this.#log.safePoint) return;
    throw new EngineError("invalid-input", "load a student before training it");
  }
}
