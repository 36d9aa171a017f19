import type { Bends } from "../../protocol/round/adversary.ts";
import type { Session } from "../engine/engine.ts";
import { ShortestWays } from "./shortest-ways.ts";
import { askTeacher, evenly, type ImagePool, type ScoreHooks } from "./teacher-answers.ts";

/** Classes are compared at this share of the displacements that are then sought. */
const COMPARED_AT = 0.5;

/** Steps there before a field is bent further: how far it leads is how often it is trained against. */
const COMPARED_BY = 4;

/** A field of displacements that leads the teacher to one class. */
export interface Bend {
  /** `[grid, grid, 2]`, pixels */
  readonly field: Float32Array;
  /** Share of images that one half as long leads there. */
  readonly reach: number;
}

/**
 * Seeks the universal fields of displacements that lead the teacher to one class each with the least
 * effort (SPEC D9), as `ShortcutSearch` seeks what is added. Triggers that bend the image (WaNet;
 * Nguyen and Tran 2021) are such.
 *
 * @example
 * const search = new BendSearch(session, pool, { grid: 8, ...settings });
 * const [nearest] = await search.find({ signal });
 */
export class BendSearch {
  readonly #session: Session;
  readonly #pool: ImagePool;
  readonly #settings: Bends & { readonly grid: number };
  #search: ShortestWays | undefined;
  #found: readonly Bend[] | undefined;

  /** @param pool of what is trained on; images spread evenly over its order are looked at */
  constructor(session: Session, pool: ImagePool, settings: Bends & { readonly grid: number }) {
    this.#session = session;
    this.#pool = pool;
    this.#settings = settings;
  }

  /**
   * Goes on from where the last call was ended, and is done at once when it was not.
   *
   * @returns the class reached most easily first; none to which no image is led.
   * @throws EngineError from the session; the signal's reason when it aborts.
   */
  async find(hooks: ScoreHooks = {}): Promise<readonly Bend[]> {
    if (this.#found) return this.#found;
    this.#search ??= await this.#begin(hooks);
    const ways = await this.#search.finish(hooks);
    // A field that leads nobody anywhere may be none at all, and would take others' steps.
    return (this.#found = ways.flatMap(([near, far]) =>
      far!.share > 0 ? { field: far!.perturbation, reach: near!.share } : [],
    ));
  }

  async #begin(hooks: ScoreHooks): Promise<ShortestWays> {
    const { ascents, classes, grid, images, radius } = this.#settings;
    const { images: set, indices } = this.#pool;
    const pool = { ...this.#pool, indices: evenly(indices, images) };
    const seen = await askTeacher(this.#session, pool, hooks);
    const pixels = radius * set.width;
    const nearest = COMPARED_AT * pixels;
    const towards = [
      { radius: nearest, ascents: COMPARED_BY },
      { radius: pixels, ascents },
    ];
    return new ShortestWays(this.#session, seen, { nearest, classes, towards, grid });
  }
}
