import { middleRadius, type Judging, type Scores } from "../../protocol/round/judging.ts";
import type { Session } from "../engine/engine.ts";
import { askTeacher, type HeldOutImages, type HeldOutPool } from "./held-out-images.ts";
import { drawPerturbation } from "./perturbation.ts";
import type { RandomStream } from "./random.ts";
import {
  scoreStudent,
  searchStepLength,
  type PerturbationSearch,
  type ScoreHooks,
  type StudentScores,
} from "./score-student.ts";

/**
 * One participant's judgement of students, label-free (SPEC J1 to J3). Has its images and its random
 * stream to itself, so that what it does changes nothing of what is trained.
 */
export class Judge {
  readonly #session: Session;
  readonly #pool: HeldOutPool;
  readonly #judging: Judging;
  readonly #random: RandomStream;
  #heldOut: HeldOutImages | undefined;
  /** The worst perturbation of the leg's round before. */
  #watched: { readonly leg: string; readonly perturbation: Float32Array } | undefined;

  /** @param random its own; see `RandomStream.split`. */
  constructor(session: Session, pool: HeldOutPool, judging: Judging, random: RandomStream) {
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
   * Scores the session's student at the middle radius, from where the leg's last search ended: a few
   * ascents a round keep up with a student that changes little in one.
   *
   * @param leg tells legs apart
   * @returns null where no images are held out; without perturbed scores where the campaign does not
   *   watch.
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

  async #score(
    searches: readonly PerturbationSearch[],
    start: Float32Array | undefined,
    hooks: ScoreHooks | undefined,
  ): Promise<StudentScores | undefined> {
    if (this.#pool.indices.length === 0) return undefined;
    const heldOut = (this.#heldOut ??= await askTeacher(this.#session, this.#pool));
    const fresh = (): Float32Array => this.#fresh(searches[0]?.radius ?? 0, heldOut.values);
    const from = { perturbation: start ?? fresh(), isFresh: start === undefined };
    return scoreStudent(this.#session, heldOut, searches, from, hooks);
  }

  #fresh(rms: number, values: number): Float32Array {
    if (rms === 0) return new Float32Array(values);
    const radius = rms * Math.sqrt(values);
    const stepLength = searchStepLength(rms, values);
    return drawPerturbation(values, { norm: "l2", radius, stepLength }, this.#random);
  }
}
