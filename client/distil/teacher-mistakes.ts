import type { Session } from "../engine/engine.ts";
import { rowsWithout, searchTowards, type WaySearch, type WayToClass } from "./targeted-search.ts";
import type { PerturbationSearch } from "./worst-perturbation.ts";
import type { HeldOutImages, ScoreHooks } from "./held-out-images.ts";

/** Where one universal perturbation misleads the teacher: to one class. */
export type TeacherMistakes = Pick<WayToClass, "class" | "perturbation" | "led">;

/** Where the teacher's mistakes are sought. */
export interface MistakeSearches {
  /** Radius at which classes are compared, root mean square in normalised units. */
  readonly nearest: number;
  /** How far one then goes towards each of the classes found. */
  readonly towards: PerturbationSearch;
  /** How many classes that is at most. */
  readonly classes: number;
}

/** One round of successive halving: what is spent on a class, and how many are kept. */
interface Heat {
  readonly images: number;
  readonly ascents: number;
  readonly kept: number;
}

type Candidate = Pick<WayToClass, "class" | "perturbation">;

/** Classes that searches are made for: those to which clean images are nearest. */
const MOST_CLASSES = 64;

/**
 * The short way of a backdoor is steep and narrow: a few steps do not yet tell it from the ways to
 * classes that are near anyway, and all steps on all classes would cost more than a round.
 */
const HEATS: readonly Heat[] = [
  { images: 16, ascents: 3, kept: 6 },
  { images: 32, ascents: 4, kept: 3 },
  { images: 32, ascents: 8, kept: 1 },
];

/**
 * Finds the classes that one small universal perturbation leads the teacher to most easily, and the
 * perturbation that leads to each (SPEC J2). A backdoor is such a way (Wang et al. 2019: the trigger
 * that reverse engineering finds for the target class is far smaller than for any other). The teacher
 * never changes, so once is enough: a student that is led to the same class by the same perturbation
 * has the way too. A slow device may need several rounds for it: what is done of it is kept.
 *
 * @example
 * const searches = { nearest: 0.036, towards: { radius: 0.072, ascents: 12 }, classes: 1 };
 * const [mistakes] = await new TeacherMistakeSearch(session, seen, searches).finish({ signal });
 */
export class TeacherMistakeSearch {
  readonly #session: Session;
  readonly #seen: HeldOutImages;
  readonly #searches: MistakeSearches;
  readonly #total: number;
  #candidates: readonly Candidate[];
  #heat = 0;
  /** Of the candidates in their order, as far as this heat has come. */
  #ways: WayToClass[] = [];
  #done = 0;

  /** @param seen as in `searchTowards` */
  constructor(session: Session, seen: HeldOutImages, searches: MistakeSearches) {
    this.#session = session;
    this.#seen = seen;
    this.#searches = searches;
    this.#candidates = nearestClasses(seen);
    this.#total = searchCount(this.#candidates.length, searches.classes);
  }

  /**
   * Goes on from where the last call was ended, by a class at most.
   *
   * @returns the class reached most easily first.
   * @throws as `answersTo`.
   */
  async finish(hooks: ScoreHooks = {}): Promise<readonly TeacherMistakes[]> {
    const { classes, nearest, towards } = this.#searches;
    for (; this.#heat < HEATS.length; this.#heat++) {
      const { images, ascents, kept } = HEATS[this.#heat]!;
      const left = Math.max(kept, classes);
      if (this.#candidates.length <= left) continue;
      await this.#search({ images, ascents, radius: nearest }, hooks);
      this.#candidates = this.#ways.sort((a, b) => a.loss - b.loss).slice(0, left);
      this.#ways = [];
    }
    this.#candidates = this.#candidates.slice(0, classes);
    await this.#search({ ...towards, images: this.#seen.indices.length }, hooks);
    return this.#ways;
  }

  /** Towards all candidates, in their order. */
  async #search(search: WaySearch, hooks: ScoreHooks): Promise<void> {
    while (this.#ways.length < this.#candidates.length) {
      this.#ways.push(await this.#towards(search, this.#candidates[this.#ways.length]!, hooks));
    }
  }

  async #towards(search: WaySearch, from: Candidate, hooks: ScoreHooks): Promise<WayToClass> {
    const way = await searchTowards(this.#session, this.#seen, search, from, hooks);
    hooks.onPass?.(++this.#done, this.#total);
    return way;
  }
}

/** Searches of all heats and the last ones. */
function searchCount(candidates: number, classes: number): number {
  let left = candidates;
  const heats = HEATS.map(({ kept }) => {
    const stay = Math.min(left, Math.max(kept, classes));
    const searches = left > stay ? left : 0;
    left = stay;
    return searches;
  });
  return Math.min(left, classes) + heats.reduce((sum, searches) => sum + searches, 0);
}

/** Those of largest mean log-probability on the clean images with other answers. */
function nearestClasses(seen: HeldOutImages): Candidate[] {
  const { classes, references, values } = seen;
  const none = new Float32Array(values);
  const found: { class: number; perturbation: Float32Array; nearness: number }[] = [];
  for (let label = 0; label < classes; label++) {
    const rows = rowsWithout(seen, label);
    if (rows.length === 0) continue;
    let sum = 0;
    // A share that float32 rounds to 0 is as far as any.
    for (const row of rows)
      sum += Math.log(Math.max(references[row * classes + label]!, 2 ** -149));
    found.push({ class: label, perturbation: none, nearness: sum / rows.length });
  }
  return found.sort((a, b) => b.nearness - a.nearness).slice(0, MOST_CLASSES);
}
