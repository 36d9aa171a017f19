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
import { fromDeviceLayout, toDeviceLayout } from "../device-layout.ts";
import { foldTeacher, teacherLayout, type TeacherLayout } from "../program/teacher-layout.ts";
import type { DeviceSession, Work } from "./device-session.ts";
import { packInput } from "./input-layout.ts";
import { ReplayLog, type SafePoint } from "./replay-log.ts";
import { RING } from "./session-memory.ts";

/** Opens the session's part on a device that works. */
export type OpenDeviceSession = (
  teacher: Float32Array<ArrayBuffer>,
  options: SessionOptions,
  mostGroups: number,
) => Promise<DeviceSession>;

/** Losses of the device since the last safe point after which less is done at once. */
const LOSSES_BEFORE_HALVING = 3;

/**
 * A session that outlives its device. All that changed the student since the last safe point is in
 * a log; when the device is lost, another one starts at the safe point and does it all again, to the
 * same bits.
 */
export class WebgpuSession implements Session {
  readonly #open: OpenDeviceSession;
  readonly #options: SessionOptions;
  readonly #layout: StateLayout;
  readonly #teacherLayout: TeacherLayout;
  readonly #teacher: Float32Array<ArrayBuffer>;
  readonly #log = new ReplayLog();
  #device: DeviceSession | undefined;
  /** Entries of the log that the device was given. */
  #applied = 0;
  #losses = 0;
  #mostGroups = Infinity;
  /** A student that takes over the velocity of the one before it, which may be on the device yet. */
  #arriving: Float32Array<ArrayBuffer> | undefined;
  #closed = false;

  constructor(open: OpenDeviceSession, options: SessionOptions) {
    const { graph, layout, teacher } = options;
    checkStateLength(teacher, layout, "teacher");
    this.#open = open;
    this.#options = options;
    this.#layout = layout;
    this.#teacherLayout = teacherLayout(graph);
    this.#teacher = foldTeacher(this.#teacherLayout, layout, teacher);
  }

  load(state: Float32Array, velocity: VelocityAtLoad = "restart"): void {
    this.#requireOpen();
    checkStateLength(state, this.#layout, "student");
    const student = toDeviceLayout(state, this.#layout);
    const keeps = velocity === "keep" && this.#log.safePoint !== undefined;
    this.#arriving = keeps ? student : undefined;
    if (!keeps) this.#begin({ student, velocity: undefined });
  }

  async step(batch: Batch, settings: StepSettings): Promise<void> {
    await this.#change(this.#work(batch, undefined, settings, "descend"), true);
  }

  async superviseStep(
    batch: Batch,
    targets: Float32Array,
    settings: SupervisedSettings,
  ): Promise<void> {
    const { classes } = this.#options.graph;
    if (targets.length !== batch.size * classes) {
      throw new EngineError(
        "invalid-input",
        `${targets.length} target values for ${batch.size} images of ${classes} classes`,
      );
    }
    const work = this.#work(batch, targets, { ...settings, temperature: 1 }, "descend");
    await this.#change(work, true);
  }

  async gradient(batch: Batch, settings: GradientSettings): Promise<GradientResult> {
    const still = { ...settings, learningRate: 0, momentum: 0 };
    const slot = await this.#change(this.#work(batch, undefined, still, "decay"), false);
    const { gradient, result } = await this.#onDevice((device) => device.readGradient(slot));
    const mean = meanOf(result, batch.size);
    checkLoss(mean);
    return { ...mean, gradient: fromDeviceLayout(gradient, this.#layout) };
  }

  async results(): Promise<readonly StepResult[]> {
    this.#requireOpen();
    await this.#receive();
    if (this.#log.hasUnknownResults) {
      this.#log.learn(await this.#onDevice((device) => device.readResults()));
    }
    return this.#takeResults();
  }

  async read(): Promise<SessionReading> {
    this.#requireLoaded();
    await this.#receive();
    if (this.#log.length > 0) await this.#makeSafe();
    const { student } = this.#log.safePoint!;
    return { state: fromDeviceLayout(student, this.#layout), results: this.#takeResults() };
  }

  async logits(which: "teacher" | "student", batch: Batch): Promise<Float32Array> {
    this.#requireOpen();
    checkBatch(batch, this.#options.graph.inputShape);
    if (which === "student") this.#requireLoaded();
    await this.#receive();
    const groupSize = batch.size;
    return this.#onDevice(async (device) => {
      const model = which === "student" ? await this.#foldStudent(device) : undefined;
      const request = { mode: "evaluate", ...requestOf(batch, groupSize) } as const;
      return device.logits(request, model, cropPaddingOf(batch), (layout) =>
        packInput(batch, undefined, layout),
      );
    });
  }

  async trainingLogits(batch: Batch): Promise<Float32Array> {
    this.#requireLoaded();
    checkBatch(batch, this.#options.graph.inputShape);
    await this.#receive();
    const groupSize = normGroupSizeOf(batch.size, this.#options.normGroupSize);
    const request = { mode: "observe", ...requestOf(batch, groupSize) } as const;
    return this.#onDevice((device) =>
      device.logits(request, undefined, cropPaddingOf(batch), (layout) =>
        packInput(batch, undefined, layout),
      ),
    );
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#device?.destroy();
    this.#device = undefined;
    this.#arriving = undefined;
    this.#log.forget();
  }

  #begin(safePoint: SafePoint): void {
    this.#log.begin(safePoint);
    this.#losses = 0;
    this.#applied = -1;
  }

  /** Gives an arriving student the velocity it takes over. */
  async #receive(): Promise<void> {
    const student = this.#arriving;
    if (!student) return;
    // A round ends by being read, which leaves nothing to ask the device for.
    if (this.#log.length > 0) await this.#makeSafe();
    this.#arriving = undefined;
    this.#begin({ student, velocity: this.#log.safePoint!.velocity });
  }

  #work(
    batch: Batch,
    targets: Float32Array | undefined,
    settings: StepSettings,
    finish: "descend" | "decay",
  ): Work {
    this.#requireLoaded();
    checkBatch(batch, this.#options.graph.inputShape);
    const groupSize = normGroupSizeOf(batch.size, this.#options.normGroupSize);
    let packed: Float32Array<ArrayBuffer> | undefined;
    return {
      ...requestOf(batch, groupSize),
      mode: targets ? "supervise" : "distil",
      finish,
      settings,
      cropPadding: cropPaddingOf(batch),
      words: (layout) => (packed ??= packInput(batch, targets, layout)),
    };
  }

  /** Runs work that changes the student; returns where its result will be. */
  async #change(work: Work, counts: boolean): Promise<number> {
    await this.#receive();
    if (this.#log.length === RING) await this.#makeSafe();
    const slot = this.#log.add(work, counts);
    try {
      await this.#onDevice(async () => {});
    } catch (error) {
      // What cannot be done must not be tried again.
      if (this.#applied <= slot) this.#log.drop(slot);
      throw error;
    }
    return slot;
  }

  /** Makes the present a safe point, from where a replay starts. */
  async #makeSafe(): Promise<void> {
    const { student, velocity, results } = await this.#onDevice((device) =>
      device.read({ velocity: true }),
    );
    this.#log.learn(results);
    this.#log.advance({ student, velocity });
    this.#applied = 0;
    this.#losses = 0;
  }

  /** Does something on a device that has done all that the log says; again when it was lost. */
  async #onDevice<T>(use: (device: DeviceSession) => Promise<T>): Promise<T> {
    for (;;) {
      this.#requireOpen();
      const device = await this.#upToDate();
      try {
        while (this.#applied < this.#log.length) {
          const { work } = this.#log.entry(this.#applied);
          await device.run(work, this.#applied);
          this.#applied++;
        }
        const result = await use(device);
        if (device.device.lost === undefined) return result;
      } catch (error) {
        if (error instanceof EngineError || !(await wasLost(device))) throw error;
      }
      await this.#countLoss(device);
    }
  }

  async #upToDate(): Promise<DeviceSession> {
    const stale = this.#device?.device.lost !== undefined;
    if (!this.#device || stale) {
      if (this.#device && stale) await this.#countLoss(this.#device);
      this.#device = await this.#open(this.#teacher, this.#options, this.#mostGroups);
      this.#applied = -1;
    }
    if (this.#applied < 0) {
      const safe = this.#log.safePoint;
      if (safe) this.#device.load(safe.student, safe.velocity);
      this.#applied = 0;
    }
    return this.#device;
  }

  /** Forgets a lost device; after repeated losses, does less at once or gives up. */
  async #countLoss(device: DeviceSession): Promise<void> {
    if (this.#device !== device) return;
    this.#device = undefined;
    this.#losses++;
    if (this.#losses < LOSSES_BEFORE_HALVING) return;
    const groups = await device.groupsAtOnce();
    if (groups === 1) {
      throw new EngineError(
        "device-failed",
        `the GPU was lost ${this.#losses} times in a row (${device.device.lost}); ` +
          "close other programs that use it, or use another backend",
      );
    }
    this.#mostGroups = Math.ceil(groups / 2);
    this.#losses = 0;
  }

  async #foldStudent(device: DeviceSession): Promise<Float32Array<ArrayBuffer>> {
    const { student, results } = await device.read({ velocity: false });
    this.#log.learn(results);
    const state = fromDeviceLayout(student, this.#layout);
    return foldTeacher(this.#teacherLayout, this.#layout, state);
  }

  #takeResults(): readonly StepResult[] {
    const results = this.#log.takeResults().map(({ sums, images }) => meanOf(sums, images));
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

/** How long a failure may precede the news that the device is gone. */
const NEWS_OF_LOSS_MS = 1000;

async function wasLost({ device }: DeviceSession): Promise<boolean> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const patience = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, NEWS_OF_LOSS_MS);
  });
  await Promise.race([device.whenLost, patience]);
  clearTimeout(timer);
  return device.lost !== undefined;
}

function requestOf(batch: Batch, groupSize: number) {
  const input = "values" in batch ? "values" : "pixels";
  return { size: batch.size, groupSize, input, finish: undefined } as const;
}

function cropPaddingOf(batch: Batch): number {
  return "values" in batch ? 0 : batch.cropPadding;
}

function meanOf({ loss, agreement }: StepResult, images: number): StepResult {
  return { loss: loss / images, agreement: agreement / images };
}
