import type { Graph } from "../../protocol/model/graph.ts";
import type { Reading } from "../../protocol/model/readings.ts";
import type { StateLayout } from "../../protocol/model/state-layout.ts";
import type { Assignment } from "../../protocol/round/assignment.ts";
import { normGroupSize, type CampaignConfig } from "../../protocol/round/campaign-config.ts";
import { preprocessingOf } from "../../protocol/round/preprocessing.ts";
import { augmentationFor } from "../../protocol/round/augmentation.ts";
import type { Fit } from "../../protocol/round/fit.ts";
import { localOptimizer } from "../../protocol/round/local-optimizer.ts";
import type { Judging, Scores } from "../../protocol/round/judging.ts";
import { imagesToMeasure } from "../../protocol/round/statistics-round.ts";
import type { Comparison, Examination } from "../../protocol/round/trial/examination.ts";
import { ShuffledBatches } from "../distil/batches.ts";
import { channelStatistics } from "../distil/channel-statistics.ts";
import type { SplitPool } from "../distil/hold-out.ts";
import type { ImageSet } from "../images/image-set.ts";
import { Insistence } from "../distil/insistence.ts";
import { Judge } from "../distil/judge.ts";
import {
  distilLocally,
  type DistillationSettings,
  type LocalResources,
} from "../distil/local-distillation.ts";
import { measureSpeed } from "../distil/measure-speed.ts";
import { plainBatch } from "../distil/normalise.ts";
import { PictureScreen } from "../distil/picture-screen.ts";
import { ParticipantError } from "./participant-error.ts";
import type { RandomStream } from "../../protocol/random/random-stream.ts";
import type { ScoreHooks } from "../distil/teacher-answers.ts";
import { teacherFit, type FitQuestion } from "../distil/teacher-fit.ts";
import { NO_WEAKNESSES, WeaknessSearch, type Weaknesses } from "../distil/weaknesses.ts";
import type { Session, VelocityAtLoad } from "../engine/engine.ts";
import { EngineError } from "../engine/engine-error.ts";
import type {
  FitWork,
  LocalTrainer,
  MeasuredStatistics,
  ScreenedImages,
  SearchWork,
  StatisticsWork,
} from "./local-trainer.ts";

/** Images that statistics are taken over at once, where a norm group of the campaign has fewer. */
const MEASURED_AT_ONCE = 32;

/** Students of which is kept what was seen: a round's candidates and the one before them. */
const MOST_EXAMINED = 16;

/** Batch norms take statistics of at least two images (SPEC D7). */
const FEWEST_LEFT = 2;

export interface EngineTrainerOptions {
  /** The trainer's from now on: it closes it. */
  readonly session: Session;
  readonly graph: Graph;
  readonly layout: StateLayout;
  /** The teacher's state vector. */
  readonly teacher: Float32Array;
  /** What its tensors may be besides. */
  readonly readings: readonly Reading[];
  /** A session of the teacher as one of them. */
  readonly openReading: (graph: Graph) => Session;
  readonly inSize: FitQuestion["inSize"];
  readonly config: CampaignConfig;
  readonly images: ImageSet;
  /** Which of them are trained on, and which students are scored with. */
  readonly pool: SplitPool;
  readonly random: RandomStream;
  /** What was found in this teacher with these images before; left out, it is to be sought. */
  readonly found?: Weaknesses | undefined;
  /** Told what was sought to the end. */
  readonly onFound?: (found: Weaknesses) => void;
}

type Score = Parameters<LocalTrainer["score"]>[0];
type Compare = Parameters<LocalTrainer["compare"]>[0];
type Train = Parameters<LocalTrainer["train"]>[0];

/** A participant's training in one session of an engine, from round to round. */
export class EngineTrainer implements LocalTrainer {
  readonly #session: Session;
  readonly #teacher: Float32Array;
  #pool!: SplitPool;
  readonly #settings: DistillationSettings;
  #resources!: LocalResources;
  #judge!: Judge;
  /** The judge's own. */
  readonly #judging: RandomStream;
  /** Undefined where the campaign trains against none, or all is found. */
  #search: WeaknessSearch | undefined;
  #screened: ScreenedImages | undefined;
  #weaknesses: Weaknesses;
  readonly #onFound: EngineTrainerOptions["onFound"];
  /** Whether what misleads the teacher was found before. */
  readonly #isSought: boolean;
  readonly #random: RandomStream;
  readonly #images: ImageSet;
  readonly #layout: StateLayout;
  readonly #graph: Graph;
  readonly #readings: Pick<EngineTrainerOptions, "readings" | "openReading" | "inSize">;
  readonly #config: CampaignConfig;
  #measured: MeasuredStatistics | undefined;
  /** Images that statistics are taken over, once and for all: two choices would tell how they differ. */
  #chosen: Uint32Array | undefined;
  /** What was seen of students that were tried, the latest last. */
  readonly #examined = new Map<string, Examination>();
  /** The round done last: whose velocity and perturbation the session holds. */
  #lastRound: number | undefined;

  constructor(options: EngineTrainerOptions) {
    const { session, graph, layout, teacher, config, images, pool, random, found } = options;
    const { distillation } = config;
    const normalisation = preprocessingOf(config, graph.inputShape);
    this.#session = session;
    this.#graph = graph;
    this.#readings = options;
    this.#config = config;
    this.#teacher = teacher;
    const augmentation = augmentationFor(distillation.augmentation, graph.inputShape);
    const optimizer = localOptimizer(distillation);
    this.#settings = { ...distillation, ...optimizer, augmentation, normalisation };
    // Without held-out images nothing is drawn for the judge, nor of it.
    this.#judging = pool.heldOut.length === 0 ? random : random.split();
    this.#weaknesses = found ?? NO_WEAKNESSES;
    this.#isSought = found !== undefined;
    this.#onFound = options.onFound;
    this.#random = random;
    this.#images = images;
    this.#layout = layout;
    this.#divide(pool);
  }

  /** From now on these are trained on and scored with. */
  #divide(pool: SplitPool): void {
    const { distillation, judging } = this.#config;
    const { adversary, batchSize, localSteps } = distillation;
    const { normalisation } = this.#settings;
    const [images, session] = [this.#images, this.#session];
    const { heldOut: indices, training } = pool;
    this.#pool = pool;
    const judged = { images, indices, training, normalisation, batchSize };
    this.#judge = new Judge(session, judged, judging, this.#judging);
    const trained = { images, indices: apart(pool, judging), normalisation, batchSize };
    this.#search =
      adversary && !this.#isSought
        ? new WeaknessSearch(session, trained, adversary, this.#graph.classes)
        : undefined;
    const random = this.#random;
    const batches = new ShuffledBatches(training, random);
    const insistence =
      adversary && new Insistence(session, trained, adversary, localSteps * batchSize);
    this.#resources = { session, layout: this.#layout, images, batches, random, insistence };
  }

  async screenImages({ beforeBatch, onSearch, signal }: SearchWork): Promise<ScreenedImages> {
    this.#screened ??= await this.#screen({ beforeBatch, onPass: onSearch, signal });
    return this.#screened;
  }

  async #screen(hooks: ScoreHooks): Promise<ScreenedImages> {
    const { heldOut, training } = this.#pool;
    const { batchSize, normalisation } = this.#settings;
    const indices = new Uint32Array(training.length + heldOut.length);
    indices.set(training);
    indices.set(heldOut, training.length);
    const looked = { images: this.#images, indices, normalisation, batchSize };
    const { setAside } = await new PictureScreen(this.#session, looked).find(hooks);
    const images = indices.length;
    if (setAside.length === 0) return { images, setAside: 0 };
    const bad = new Set(setAside);
    const left = without(this.#pool, bad);
    if (left.training.length < FEWEST_LEFT) {
      throw new ParticipantError(
        "images-set-aside",
        `${bad.size} of ${images} images bear one small thing that leads the model to one answer, and too few are left: choose others, and see where these came from`,
      );
    }
    this.#divide(left);
    return { images, setAside: bad.size };
  }

  async measureFit(hooks: FitWork): Promise<Fit | null> {
    const { fit } = this.#config;
    if (fit === null) return null;
    const { images, layout, session } = this.#resources;
    // In random order: the first so many are of all kinds.
    const indices = this.#pool.training.subarray(0, fit.images);
    const { normalisation } = this.#settings;
    return await teacherFit(
      {
        session,
        graph: this.#graph,
        layout,
        teacher: this.#teacher,
        readings: this.#readings.readings,
        open: this.#readings.openReading,
        inSize: this.#readings.inSize,
        pool: { images, indices, normalisation, batchSize: this.#measuredAtOnce },
      },
      hooks,
    );
  }

  measure(hooks: Parameters<LocalTrainer["measure"]>[0]): Promise<number> {
    this.#lastRound = undefined;
    const { images } = this.#resources;
    const pool = this.#pool.training;
    const benchmark = { session: this.#session, images, pool, state: this.#teacher };
    return measureSpeed(benchmark, this.#settings, hooks);
  }

  async seekWeaknesses({ beforeBatch, onSearch, signal }: SearchWork): Promise<void> {
    await this.#seek({ beforeBatch, onPass: onSearch, signal });
  }

  async score({
    beforeBatch,
    isJudging,
    leg,
    name,
    onPass,
    round,
    signal,
    student,
  }: Score): Promise<Scores | null> {
    const hooks = { beforeBatch, onPass, signal };
    const tried = name === undefined ? undefined : this.#examined.get(name);
    // More than a trial sees is asked for where copies are looked at under the student's own perturbation.
    if (tried !== undefined && !isJudging && this.#config.judging.watchAscents === 0) {
      const { agreement, images, loss, transfer } = tried;
      return this.#withBend({ images, loss, agreement, transfer, perturbed: [] });
    }
    this.#session.load(student, this.#velocityIn(round, leg));
    const scores = isJudging
      ? await this.#judge.judge(hooks)
      : await this.#judge.watch(`${leg.kind} ${leg.candidate}`, hooks);
    return scores && this.#withBend(scores);
  }

  #withBend(scores: Scores): Scores {
    const { bend } = this.#weaknesses;
    return bend ? { ...scores, bend } : scores;
  }

  async compare({
    beforeBatch,
    candidate,
    last,
    onPass,
    round,
    signal,
  }: Compare): Promise<Comparison | null> {
    const hooks = { beforeBatch, onPass, signal };
    const weaknesses = await this.#seek({ beforeBatch, signal });
    // The next round goes on with the velocity of the one that is tried, whatever comes of it.
    const velocity = this.#lastRound === round ? "keep" : "restart";
    const see = async ({ fetch, name }: Compare["last"]): Promise<Examination | null> => {
      const known = this.#examined.get(name);
      if (known !== undefined) return known;
      this.#session.load(await fetch(), velocity);
      const seen = await this.#judge.examine(weaknesses, hooks);
      if (seen !== null) this.#examined.set(name, seen);
      return seen;
    };
    const before = await see(last);
    const after = await see(candidate);
    for (const name of this.#examined.keys()) {
      if (this.#examined.size > MOST_EXAMINED && name !== last.name) this.#examined.delete(name);
    }
    return before && after && { candidate: after, last: before };
  }

  async measureStatistics(work: StatisticsWork): Promise<MeasuredStatistics | null> {
    const count = imagesToMeasure(this.#config, this.#pool.training.length);
    if (count === 0) return null;
    this.#measured ??= await this.#measure(count, work);
    return this.#measured;
  }

  async #measure(
    count: number,
    { beforeBatch, onImages, signal }: StatisticsWork,
  ): Promise<MeasuredStatistics> {
    const { images, layout, random, session } = this.#resources;
    this.#chosen ??= chooseImages(this.#pool.training, count, random);
    const statistics = await channelStatistics(
      {
        session,
        graph: this.#graph,
        layout,
        images,
        indices: this.#chosen,
        normalisation: this.#settings.normalisation,
        batchSize: this.#measuredAtOnce,
      },
      { beforeBatch, onImages, signal },
    );
    return { statistics, images: count };
  }

  get #measuredAtOnce(): number {
    return Math.max(MEASURED_AT_ONCE, normGroupSize(this.#config));
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
    // Done before, as a rule.
    const weaknesses = await this.#seek({ beforeBatch: beforeStep, signal });
    const velocity = this.#velocityIn(round, leg);
    // An attempt that is given up leaves the velocity of a round nobody has.
    this.#lastRound = undefined;
    const update = await distilLocally(
      this.#resources,
      { student, startStep, totalSteps, localSteps, velocity, weaknesses },
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

  async examine(student: Float32Array<ArrayBuffer>): Promise<"neither" | "student" | "teacher"> {
    this.#lastRound = undefined;
    const { images, session } = this.#resources;
    const indices = [...this.#pool.training.subarray(0, this.#settings.batchSize)];
    const batch = await plainBatch(images, indices, this.#settings.normalisation);
    session.load(student, "restart");
    const isFinite = async (which: "teacher" | "student"): Promise<boolean> =>
      (await session.logits(which, batch)).every(Number.isFinite);
    if (!(await isFinite("teacher"))) return "teacher";
    try {
      return (await isFinite("student")) ? "neither" : "student";
    } catch (error) {
      // Half precision says so in its own way; a device that is gone does not answer for the teacher either.
      if (!(error instanceof EngineError) || !(await isFinite("teacher"))) throw error;
      return "student";
    }
  }

  close(): void {
    this.#session.close();
  }

  async #seek(hooks: ScoreHooks): Promise<Weaknesses> {
    if (this.#search) {
      this.#weaknesses = await this.#search.find(hooks);
      this.#onFound?.(this.#weaknesses);
    }
    return this.#weaknesses;
  }

  /** Kept from a round done to the one that follows in the same leg (SPEC D3). */
  #velocityIn(round: number, { roundOfLeg }: Assignment["leg"]): VelocityAtLoad {
    return roundOfLeg > 0 && this.#lastRound === round - 1 ? "keep" : "restart";
  }
}

/** Images that are not set aside. */
function without({ heldOut, training }: SplitPool, setAside: ReadonlySet<number>): SplitPool {
  const left = (indices: Uint32Array): Uint32Array => indices.filter((one) => !setAside.has(one));
  return { heldOut: left(heldOut), training: left(training) };
}

/**
 * What is trained on, less what is scored with besides held-out images, unless that leaves fewer than
 * are scored with: what was found on the ones says less of the others.
 */
function apart({ heldOut, training }: SplitPool, { images }: Judging): Uint32Array {
  const left = training.length - Math.max(0, images - heldOut.length);
  return heldOut.length === 0 || left < images ? training : training.subarray(0, left);
}

/** So many of the pool, drawn without replacement. */
function chooseImages(pool: Uint32Array, count: number, random: RandomStream): Uint32Array {
  const order = pool.slice();
  random.split().shuffle(order);
  return order.subarray(0, count);
}
