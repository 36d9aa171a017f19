import type { Shortcuts } from "../../protocol/round/adversary.ts";
import type { Session } from "../engine/engine.ts";
import { askTeacher, type ImagePool, type ScoreHooks } from "./teacher-answers.ts";
import { ShortestWays } from "./shortest-ways.ts";

/**
 * Classes are compared at this share of the length that perturbations then have: nearby, where a
 * backdoor leads to its class and next to nothing else leads anywhere.
 */
const COMPARED_AT = 0.25;

/** So many, spread evenly: files come sorted by class where nobody shuffles them. */
function evenly(indices: Uint32Array, count: number): Uint32Array {
  const taken = Math.min(count, indices.length);
  return Uint32Array.from(
    { length: taken },
    (_, i) => indices[Math.floor((i * indices.length) / taken)]!,
  );
}

/**
 * Seeks the universal perturbations that lead the teacher to one class each with the least effort
 * (SPEC D9), on images that are trained on. The teacher never changes, so once is enough.
 *
 * @example
 * const search = new ShortcutSearch(session, { images, indices, normalisation, batchSize }, settings);
 * const perturbations = await search.find({ signal });
 */
export class ShortcutSearch {
  readonly #session: Session;
  readonly #pool: ImagePool;
  readonly #settings: Shortcuts;
  #search: ShortestWays | undefined;
  #found: readonly Float32Array[] | undefined;

  /** @param pool of what is trained on; images spread evenly over its order are looked at */
  constructor(session: Session, pool: ImagePool, settings: Shortcuts) {
    this.#session = session;
    this.#pool = pool;
    this.#settings = settings;
  }

  /**
   * Goes on from where the last call was ended, and is done at once when it was not.
   *
   * @returns `[H, W, C]` each, normalised units; the class reached most easily first.
   * @throws EngineError from the session; the signal's reason when it aborts.
   */
  async find(hooks: ScoreHooks = {}): Promise<readonly Float32Array[]> {
    if (this.#found) return this.#found;
    this.#search ??= await this.#begin(hooks);
    const ways = await this.#search.finish(hooks);
    return (this.#found = ways.map(([way]) => way!.perturbation));
  }

  async #begin(hooks: ScoreHooks): Promise<ShortestWays> {
    const { ascents, classes, images, radius } = this.#settings;
    const indices = evenly(this.#pool.indices, images);
    const seen = await askTeacher(this.#session, { ...this.#pool, indices }, hooks);
    const towards = [{ radius, ascents }];
    const searches = { nearest: COMPARED_AT * radius, classes, towards };
    return new ShortestWays(this.#session, seen, searches);
  }
}
