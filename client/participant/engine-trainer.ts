import type { StateLayout } from "../../protocol/model/state-layout.ts";
import type { Assignment } from "../../protocol/round/assignment.ts";
import type { CampaignConfig } from "../../protocol/round/campaign-config.ts";
import type { Scores } from "../../protocol/round/judging.ts";
import { ShuffledBatches } from "../distil/batches.ts";
import type { SplitPool } from "../distil/hold-out.ts";
import type { ImageSet } from "../distil/image-set.ts";
import { Judge } from "../distil/judge.ts";
import {
  distilLocally,
  type DistillationSettings,
  type LocalResources,
} from "../distil/local-distillation.ts";
import { measureSpeed } from "../distil/measure-speed.ts";
import type { RandomStream } from "../distil/random.ts";
import type { Session, VelocityAtLoad } from "../engine/engine.ts";
import type { LocalTrainer } from "./training.ts";

export interface EngineTrainerOptions {
  /** The trainer's from now on: it closes it. */
  readonly session: Session;
  readonly layout: StateLayout;
  /** The teacher's state vector. */
  readonly teacher: Float32Array;
  readonly config: CampaignConfig;
  readonly images: ImageSet;
  /** Which of them are trained on, and which students are scored with. */
  readonly pool: SplitPool;
  readonly random: RandomStream;
}

type Score = Parameters<LocalTrainer["score"]>[0];
type Train = Parameters<LocalTrainer["train"]>[0];

/** A participant's training in one session of an engine, from round to round. */
export class EngineTrainer implements LocalTrainer {
  readonly #session: Session;
  readonly #teacher: Float32Array;
  readonly #pool: Uint32Array;
  readonly #settings: DistillationSettings;
  readonly #resources: LocalResources;
  readonly #judge: Judge;
  /** The round done last: whose velocity and perturbation the session holds. */
  #lastRound: number | undefined;

  constructor({ session, layout, teacher, config, images, pool, random }: EngineTrainerOptions) {
    const { distillation, judging, preprocessing: normalisation } = config;
    this.#session = session;
    this.#teacher = teacher;
    this.#pool = pool.training;
    this.#settings = { ...distillation, normalisation };
    const indices = pool.heldOut;
    const heldOut = { images, indices, normalisation, batchSize: distillation.batchSize };
    // Without held-out images nothing is drawn for the judge, nor of it.
    const own = indices.length === 0 ? random : random.split();
    this.#judge = new Judge(session, heldOut, judging, own);
    const batches = new ShuffledBatches(pool.training, random);
    this.#resources = { session, layout, images, batches, random };
  }

  measure(hooks: Parameters<LocalTrainer["measure"]>[0]): Promise<number> {
    this.#lastRound = undefined;
    const { images } = this.#resources;
    const pool = this.#pool;
    const benchmark = { session: this.#session, images, pool, state: this.#teacher };
    return measureSpeed(benchmark, this.#settings, hooks);
  }

  async score({
    beforeBatch,
    isJudging,
    leg,
    onPass,
    round,
    signal,
    student,
  }: Score): Promise<Scores | null> {
    const hooks = { beforeBatch, onPass, signal };
    this.#session.load(student, this.#velocityIn(round, leg));
    if (isJudging) return this.#judge.judge(hooks);
    return this.#judge.watch(`${leg.kind} ${leg.candidate}`, hooks);
  }

  async train({
    beforeStep,
    leg,
    localSteps,
    onStep,
    round,
    signal,
    startStep,
    student,
    totalSteps,
  }: Train) {
    let told = 0;
    const velocity = this.#velocityIn(round, leg);
    // An attempt that is given up leaves the velocity of a round nobody has.
    this.#lastRound = undefined;
    const update = await distilLocally(
      this.#resources,
      { student, startStep, totalSteps, localSteps, velocity },
      this.#settings,
      {
        signal,
        beforeStep,
        onProgress: ({ examples, isNewest, loss, step }) => {
          // Steps told in a row would look infinitely fast, one by one.
          if (!isNewest) return;
          onStep({ loss, step, images: examples - told });
          told = examples;
        },
      },
    );
    this.#lastRound = round;
    return update;
  }

  close(): void {
    this.#session.close();
  }

  /** Kept from a round done to the one that follows in the same leg (SPEC D3). */
  #velocityIn(round: number, { roundOfLeg }: Assignment["leg"]): VelocityAtLoad {
    return roundOfLeg > 0 && this.#lastRound === round - 1 ? "keep" : "restart";
  }
}
