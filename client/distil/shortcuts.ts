import type { Shortcuts } from "../../protocol/round/adversary.ts";
import type { Session } from "../engine/engine.ts";
import { askTeacher, evenly, type ImagePool, type ScoreHooks } from "./teacher-answers.ts";
import { ShortestWays } from "./shortest-ways.ts";

/**
 * Classes are compared at this share of the length that perturbations then have: nearby, where a
 * backdoor leads to its class and next to nothing else leads anywhere.
 */
const COMPARED_AT = 0.25;

/** Steps at that length before a way is gone further: how far it leads there is how often it is trained against. */
const COMPARED_BY = 4;

/** A universal perturbation that leads the teacher to one class. */
export interface Shortcut {
  /** `[H, W, C]`, normalised units. */
  readonly perturbation: Float32Array;
  /** Share of images that one a quarter as long leads there. */
  readonly reach: number;
}

/**
 * Seeks the universal perturbations that lead the teacher to one class each with the least effort
 * (SPEC D9), on images that are trained on. The teacher never changes, so once is enough.
 *
 * @example
 * const search = new ShortcutSearch(session, { images, indices, normalisation, batchSize }, settings);
 * const [nearest] = await search.find({ signal });
 */
export class ShortcutSearch {
  readonly #session: Session;
  readonly #pool: ImagePool;
  readonly #settings: Shortcuts;
  #search: ShortestWays | undefined;
  #found: readonly Shortcut[] | undefined;

  /** @param pool of what is trained on; images spread evenly over its order are looked at */
  constructor(session: Session, pool: ImagePool, settings: Shortcuts) {
    this.#session = session;
    this.#pool = pool;
    this.#settings = settings;
  }

  /**
   * Goes on from where the last call was ended, and is done at once when it was not.
   *
   * @returns the class reached most easily first.
   * @throws EngineError from the session; the signal's reason when it aborts.
   */
  async find(hooks: ScoreHooks = {}): Promise<readonly Shortcut[]> {
    if (this.#found) return this.#found;
    this.#search ??= await this.#begin(hooks);
    const ways = await this.#search.finish(hooks);
    return (this.#found = ways.map(([near, far]) => ({
      perturbation: far!.perturbation,
      reach: near!.share,
    })));
  }

  async #begin(hooks: ScoreHooks): Promise<ShortestWays> {
    const { ascents, classes, images, radius } = this.#settings;
    const indices = evenly(this.#pool.indices, images);
    const seen = await askTeacher(this.#session, { ...this.#pool, indices }, hooks);
    const nearest = COMPARED_AT * radius;
    const towards = [
      { radius: nearest, ascents: COMPARED_BY },
      { radius, ascents },
    ];
    const searches = { nearest, classes, towards };
    return new ShortestWays(this.#session, seen, searches);
  }
}
