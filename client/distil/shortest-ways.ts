import type { Session } from "../engine/engine.ts";
import { ADDED, type Disturbance } from "./disturbance.ts";
import { rowsWithout, searchTowards, type WaySearch, type WayToClass } from "./targeted-search.ts";
import type { PerturbationSearch } from "./worst-perturbation.ts";
import type { AnsweredImages, ScoreHooks } from "./teacher-answers.ts";

/** Where the ways to classes are sought. */
export interface WaySearches {
  /** Radius at which classes are compared, root mean square in the units of the disturbance. */
  readonly nearest: number;
  /** How many classes are kept at most. */
  readonly classes: number;
  /** How far one then goes towards each of them, at growing radii. */
  readonly towards: readonly PerturbationSearch[];
  /** What is done to images; without it something is added to them. */
  readonly disturbance?: Disturbance;
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
 * Finds the classes that a small universal perturbation leads the teacher to most easily, by successive
 * halving, and the perturbations that lead to each (SPEC J2). A backdoor is such a way (Wang et al.
 * 2019: the trigger that reverse engineering finds for the target class is far smaller than for any
 * other). The teacher never changes, so once is enough. A slow device may need several rounds for it:
 * what is done of it is kept.
 *
 * @example
 * const towards = [{ radius: 0.036, ascents: 12 }, { radius: 0.072, ascents: 12 }];
 * const search = new ShortestWays(session, seen, { nearest: 0.036, classes: 1, towards });
 * const [[near, far]] = await search.finish({ signal });
 */
export class ShortestWays {
  readonly #session: Session;
  readonly #seen: AnsweredImages;
  readonly #classes: number;
  readonly #disturbance: Disturbance;
  readonly #stages: readonly Stage[];
  readonly #total: number;
  #candidates: readonly Candidate[];
  #stage = 0;
  /** Of the candidates in their order, as far as this stage has come. */
  #ways: WayToClass[] = [];
  /** Of the classes kept, at each radius so far. */
  readonly #found: WayToClass[][] = [];
  #done = 0;

  /** @param seen as in `searchTowards` */
  constructor(session: Session, seen: AnsweredImages, wanted: WaySearches) {
    const { classes, disturbance = ADDED, nearest, towards } = wanted;
    this.#session = session;
    this.#seen = seen;
    this.#classes = classes;
    this.#disturbance = disturbance;
    this.#candidates = nearestClasses(seen, disturbance.lengthFor(seen.images));
    const images = seen.indices.length;
    this.#stages = [
      ...heatsOf(this.#candidates.length, classes, nearest),
      ...towards.map((search) => ({ search: { ...search, images }, kept: undefined })),
    ];
    const kept = Math.min(this.#candidates.length, classes);
    this.#total = this.#stages.reduce((sum, { searches }) => sum + (searches ?? kept), 0);
  }

  /**
   * Goes on from where the last call was ended, by a class at most.
   *
   * @returns for each class, the one reached most easily first, what was found at each radius.
   * @throws as `answersTo`.
   */
  async finish(hooks: ScoreHooks = {}): Promise<readonly (readonly WayToClass[])[]> {
    for (; this.#stage < this.#stages.length; this.#stage++) {
      const { search, kept } = this.#stages[this.#stage]!;
      if (kept === undefined) this.#candidates = this.#candidates.slice(0, this.#classes);
      while (this.#ways.length < this.#candidates.length) {
        const from = this.#candidates[this.#ways.length]!;
        this.#ways.push(await this.#seek(search, from, hooks));
        hooks.onPass?.(++this.#done, this.#total);
      }
      if (kept === undefined) {
        this.#ways.forEach((way, i) => (this.#found[i] ??= []).push(way));
        this.#candidates = this.#ways;
      } else {
        this.#candidates = this.#ways.sort((a, b) => a.loss - b.loss).slice(0, kept);
      }
      this.#ways = [];
    }
    return this.#found;
  }

  #seek(search: WaySearch, from: Candidate, hooks: ScoreHooks): Promise<WayToClass> {
    return searchTowards(this.#session, this.#seen, search, from, hooks, this.#disturbance);
  }
}

/**
 * Passes that a search takes at most: as many as it does unless all images have the same class.
 *
 * @param modelClasses of the model
 * @param lengths radii that are then sought
 */
export function mostPasses(modelClasses: number, classes: number, lengths: number): number {
  const candidates = Math.min(modelClasses, MOST_CLASSES);
  const heats = heatsOf(candidates, classes, 1).reduce((sum, { searches }) => sum + searches!, 0);
  return heats + lengths * Math.min(candidates, classes);
}

/** Searches towards all candidates there are. */
interface Stage {
  readonly search: WaySearch;
  /** Candidates that stay; undefined where classes are no longer compared. */
  readonly kept: number | undefined;
  /** How many candidates there are, where that is known beforehand. */
  readonly searches?: number;
}

/** What leaves out no class is left out itself. */
function heatsOf(candidates: number, classes: number, radius: number): Stage[] {
  let left = candidates;
  return HEATS.flatMap(({ images, ascents, kept }) => {
    const searches = left;
    left = Math.min(left, Math.max(kept, classes));
    if (left === searches) return [];
    return { search: { images, ascents, radius }, kept: left, searches };
  });
}

/** Those of largest mean log-probability on the clean images with other answers. */
function nearestClasses(seen: AnsweredImages, values: number): Candidate[] {
  const { classes, references } = seen;
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
