import { middleRadius, type Judging, type Scores } from "../../protocol/round/judging.ts";
import type { Examination } from "../../protocol/round/trial/examination.ts";
import type { Session } from "../engine/engine.ts";
import { Examiner } from "./examination.ts";
import { drawPerturbation } from "./perturbation.ts";
import type { RandomStream } from "../../protocol/random/random-stream.ts";
import { scoreStudent, type ScoringImages, type StudentScores } from "./score-student.ts";
import { ShortestWays } from "./shortest-ways.ts";
import {
  searchStepLength,
  type PerturbationSearch,
  type SearchStart,
} from "./worst-perturbation.ts";
import type { Weaknesses } from "./weaknesses.ts";
import type { WayToClass } from "./targeted-search.ts";
import {
  askTeacher,
  firstImages,
  type AnsweredImages,
  type ImagePool,
  type ScoreHooks,
} from "./teacher-answers.ts";

/** A participant's images: those it scores with, and those it trains on. */
export interface JudgePool extends ImagePool {
  readonly training: Uint32Array;
}

/** The search for the teacher's mistakes, and the images it is made on. */
interface MistakeSearch {
  readonly seen: AnsweredImages;
  readonly search: ShortestWays;
}

/**
 * One participant's judgement of students, label-free (SPEC J1 to J3). Has its images and its random
 * stream to itself, so that what it does changes nothing of what is trained.
 */
export class Judge {
  readonly #session: Session;
  readonly #pool: JudgePool;
  readonly #judging: Judging;
  readonly #random: RandomStream;
  #search: MistakeSearch | undefined;
  #images: ScoringImages | undefined;
  #examiner: Examiner | undefined;
  /** The worst perturbation of the leg's round before. */
  #watched: { readonly leg: string; readonly perturbation: Float32Array } | undefined;

  /** @param random its own; see `RandomStream.split`. */
  constructor(session: Session, pool: JudgePool, judging: Judging, random: RandomStream) {
    this.#session = session;
    this.#pool = pool;
    this.#judging = judging;
    this.#random = random;
  }

  /**
   * Scores the session's student at every radius, from a fresh perturbation: what a judging round
   * asks for.
   *
   * @returns null where no images are held out.
   * @throws as `scoreStudent`.
   */
  async judge(hooks?: ScoreHooks): Promise<Scores | null> {
    const { ascents, radii } = this.#judging;
    const searches = radii.map((radius) => ({ radius, ascents }));
    return (await this.#score(searches, undefined, hooks))?.scores ?? null;
  }

  /**
   * Scores the session's student before a training round; with `watchAscents` also at the middle
   * radius, from where the leg's last search ended: a few ascents a round keep up with a student that
   * changes little in one.
   *
   * @param leg tells legs apart
   * @returns null where no images are held out; without perturbed scores where there are no such
   *   ascents.
   * @throws as `scoreStudent`.
   */
  async watch(leg: string, hooks?: ScoreHooks): Promise<Scores | null> {
    const ascents = this.#judging.watchAscents;
    const radius = middleRadius(this.#judging);
    const searches = ascents === 0 ? [] : [{ radius, ascents }];
    const kept = this.#watched?.leg === leg ? this.#watched.perturbation : undefined;
    const found = await this.#score(searches, kept, hooks);
    if (found === undefined) return null;
    this.#watched = { leg, perturbation: found.perturbation };
    return found.scores;
  }

  /**
   * Looks at the session's student as a candidate (SPEC K3). Draws nothing.
   *
   * @param weaknesses of the teacher, the same every time
   * @returns null where no images are held out.
   * @throws as `scoreStudent`.
   */
  async examine(weaknesses: Weaknesses, hooks?: ScoreHooks): Promise<Examination | null> {
    if (this.#pool.indices.length === 0) return null;
    const images = (this.#images ??= await this.#begin(hooks));
    this.#examiner ??= new Examiner(this.#session, images, weaknesses);
    return await this.#examiner.examine(hooks);
  }

  async #score(
    searches: readonly PerturbationSearch[],
    start: Float32Array | undefined,
    hooks: ScoreHooks | undefined,
  ): Promise<StudentScores | undefined> {
    if (this.#pool.indices.length === 0) return undefined;
    const images = (this.#images ??= await this.#begin(hooks));
    const { values } = images.heldOut;
    const from =
      start === undefined ? this.#fresh(searches, values) : { perturbation: start, isFresh: false };
    return scoreStudent(this.#session, images, searches, from, hooks);
  }

  /**
   * What all students are scored with. The teacher's mistakes are sought with images that are trained
   * on, too: few held-out images alone often point to a class that is near anyway.
   */
  async #begin(hooks: ScoreHooks | undefined): Promise<ScoringImages> {
    const { seen, search } = (this.#search ??= await this.#beginSearch(hooks));
    const [ways] = await search.finish(hooks);
    const [near, far] = ways as readonly [WayToClass, WayToClass];
    const count = this.#pool.indices.length;
    const led = far.led.filter((row) => row < count);
    const mistakes = { ...far, led, reach: near.share };
    return { heldOut: firstImages(seen, count), mistakes };
  }

  async #beginSearch(hooks: ScoreHooks | undefined): Promise<MistakeSearch> {
    const { ascents, images, radii } = this.#judging;
    const { indices, training } = this.#pool;
    // From the end: what is trained against is sought on the others where these are enough (SPEC D9).
    const others = training.subarray(
      Math.max(0, training.length - Math.max(0, images - indices.length)),
    );
    const own = Uint32Array.of(...indices, ...others);
    const seen = await askTeacher(this.#session, { ...this.#pool, indices: own }, hooks);
    const [nearest] = radii as [number, ...number[]];
    const towards = [nearest, middleRadius(this.#judging)].map((radius) => ({ radius, ascents }));
    const searches = { nearest, classes: 1, towards };
    return { seen, search: new ShortestWays(this.#session, seen, searches) };
  }

  #fresh(searches: readonly PerturbationSearch[], values: number): SearchStart {
    const rms = searches[0]?.radius;
    if (rms === undefined) return { perturbation: new Float32Array(values), isFresh: true };
    const radius = rms * Math.sqrt(values);
    const stepLength = searchStepLength(rms, values);
    const ball = { norm: "l2" as const, radius, stepLength };
    return { perturbation: drawPerturbation(values, ball, this.#random), isFresh: true };
  }
}
