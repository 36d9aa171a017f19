import type {
  LocalTrainer,
  TrainerSource,
  MeasuredStatistics,
  TrainingCampaign,
} from "../../../client/participant/local-trainer.ts";
import type { Fit } from "../../../protocol/round/fit.ts";
import type { Comparison } from "../../../protocol/round/trial/examination.ts";
import type { Scores } from "../../../protocol/round/judging.ts";

/** Passes over held-out images that scoring takes. */
const PASSES = 3;

/** Searches that seeking takes. */
const SEARCHES = 2;

/** Training without a device: every value of the update is `change`; counts what it is asked. */
export class ScriptedTraining implements TrainerSource {
  readonly device = "scripted";
  readonly change: number;
  prepare: () => Promise<void> = () => Promise.resolve();
  requireRoom?: NonNullable<TrainerSource["requireRoom"]>;
  campaign: TrainingCampaign | undefined;
  /** Rounds begun, by their first step. */
  readonly begun: number[] = [];
  /** Local steps of each. */
  readonly assigned: number[] = [];
  readonly students: Float32Array[] = [];
  /** Rounds whose student was scored: `watch 0`, `judge 3`. */
  readonly scored: string[] = [];
  /** What scoring gives. */
  scores: Scores | null = {
    images: 8,
    loss: 0.125,
    agreement: 0.875,
    transfer: { class: 1, reach: 0.5, moved: 2, followed: 1 },
    perturbed: [{ radius: 0.072, agreement: 0.5, flips: [1, 3, 0] }],
  };
  /** Students that were looked at beside each other: the earlier one, the candidate. */
  readonly compared: (readonly [Float32Array, Float32Array])[] = [];
  comparison: Comparison | null = null;
  /** What a look at the images says. */
  screened = { images: 40, setAside: 0 };
  /** What the teacher makes of the images; null: they are too few. */
  fit: Fit | null = null;
  /** What measuring gives; null: too few images. */
  statistics: MeasuredStatistics | null = null;
  measuredStatistics = 0;
  /** What a benchmark says, images per second, and how many there were. */
  speed = 50;
  measured = 0;
  steps = 0;
  /** What asking teacher and student again gives. */
  examined: "neither" | "student" | "teacher" = "neither";
  closed = 0;
  /** Runs before a search counts. */
  onSearch: (search: number) => void | Promise<void> = () => undefined;
  /** Whether it has sought what it trains against. */
  sought = false;
  /** Runs before a step counts; a test may pause or stop the participant here. */
  onStep: (step: number) => void | Promise<void> = () => undefined;
  /** Runs before a pass of scoring counts. */
  onPass: (pass: number) => void | Promise<void> = () => undefined;

  constructor(change = 0.5) {
    this.change = change;
  }

  open(campaign: TrainingCampaign): Promise<LocalTrainer> {
    this.campaign = campaign;
    const { batchSize } = campaign.config.distillation;
    return Promise.resolve({
      measureFit: async ({ beforeBatch, signal }) => {
        await beforeBatch();
        signal.throwIfAborted();
        return this.fit;
      },
      measure: async ({ beforeRun, signal }) => {
        await beforeRun();
        signal.throwIfAborted();
        this.measured++;
        return this.speed;
      },
      screenImages: async ({ beforeBatch, signal }) => {
        await beforeBatch();
        signal.throwIfAborted();
        return this.screened;
      },
      seekWeaknesses: async ({ beforeBatch, onSearch, signal }) => {
        if (this.sought) return;
        for (let search = 1; search <= SEARCHES; search++) {
          await beforeBatch();
          signal.throwIfAborted();
          await this.onSearch(search);
          onSearch(search, SEARCHES);
        }
        this.sought = true;
      },
      score: async ({ beforeBatch, isJudging, onPass, round, signal }) => {
        this.scored.push(`${isJudging ? "judge" : "watch"} ${round}`);
        for (let pass = 1; pass <= PASSES; pass++) {
          await beforeBatch();
          signal.throwIfAborted();
          if (isJudging) await this.onPass(pass);
          onPass(pass, PASSES);
        }
        signal.throwIfAborted();
        return this.scores;
      },
      compare: async ({ beforeBatch, candidate, last }) => {
        await beforeBatch();
        this.compared.push([await last.fetch(), await candidate.fetch()]);
        return this.comparison;
      },
      measureStatistics: async ({ beforeBatch, onImages, signal }) => {
        await beforeBatch();
        signal.throwIfAborted();
        this.measuredStatistics++;
        if (this.statistics !== null) onImages(this.statistics.images, this.statistics.images);
        return this.statistics;
      },
      train: async ({ beforeStep, localSteps, onStep, signal, startStep, student }) => {
        this.begun.push(startStep);
        this.assigned.push(localSteps);
        this.students.push(student.slice());
        for (let step = 1; step <= localSteps; step++) {
          await beforeStep();
          signal.throwIfAborted();
          await this.onStep(this.steps + 1);
          this.steps++;
          onStep({ step, loss: 1 / step, images: batchSize });
        }
        signal.throwIfAborted();
        const update = new Float32Array(student.length).fill(this.change);
        return { update, examples: localSteps * batchSize, loss: 0.25, agreement: 0.75 };
      },
      examine: () => Promise.resolve(this.examined),
      close: () => void this.closed++,
    });
  }
}
