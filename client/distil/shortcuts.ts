import type { Shortcuts } from "../../protocol/round/adversary.ts";
import type { Session } from "../engine/engine.ts";
import { ADDED, bentBy, type Disturbance } from "./disturbance.ts";
import { ShortestWays } from "./shortest-ways.ts";
import { askTeacher, evenly, type ImagePool, type ScoreHooks } from "./teacher-answers.ts";

/** Steps nearby before a way is gone further: how far it leads there is how often it is trained against. */
const COMPARED_BY = 4;

/** What a shortcut does to images. */
export interface ShortcutKind {
  readonly disturbance: Disturbance;
  /**
   * Classes are compared at this share of the length that shortcuts then have: nearby, where a
   * backdoor leads to its class and next to nothing else leads anywhere.
   */
  readonly comparedAt: number;
}

export const ADDITIVE: ShortcutKind = { disturbance: ADDED, comparedAt: 0.25 };

/** Triggers that bend the image (WaNet; Nguyen and Tran 2021) are such. */
export function bending(grid: number): ShortcutKind {
  return { disturbance: bentBy(grid), comparedAt: 0.5 };
}

/** A disturbance that leads the teacher to one class. */
export interface Shortcut {
  readonly class: number;
  /** `[H, W, C]`, normalised units; of a bending one `[grid, grid, 2]`, pixels. */
  readonly values: Float32Array;
  /** Share of images with other answers that it leads there. */
  readonly share: number;
  /** The same of one that is only as long as classes were compared at. */
  readonly reach: number;
}

/**
 * Seeks the disturbances that lead the teacher to one class each with the least effort (SPEC D9), on
 * images that are trained on. The teacher never changes, so once is enough.
 *
 * @example
 * const search = new ShortcutSearch(session, pool, adversary.shortcuts, ADDITIVE);
 * const [nearest] = await search.find({ signal });
 */
export class ShortcutSearch {
  readonly #session: Session;
  readonly #pool: ImagePool;
  readonly #settings: Shortcuts;
  readonly #kind: ShortcutKind;
  #search: ShortestWays | undefined;
  #found: readonly Shortcut[] | undefined;

  /**
   * @param pool of what is trained on; images spread evenly over its order are looked at
   * @param settings its radius in the units of the kind
   */
  constructor(session: Session, pool: ImagePool, settings: Shortcuts, kind: ShortcutKind) {
    this.#session = session;
    this.#pool = pool;
    this.#settings = settings;
    this.#kind = kind;
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
      class: far!.class,
      values: far!.perturbation,
      share: far!.share,
      reach: near!.share,
    })));
  }

  async #begin(hooks: ScoreHooks): Promise<ShortestWays> {
    const { ascents, classes, images, radius } = this.#settings;
    const { comparedAt, disturbance } = this.#kind;
    const indices = evenly(this.#pool.indices, images);
    const seen = await askTeacher(this.#session, { ...this.#pool, indices }, hooks);
    const nearest = comparedAt * radius;
    const towards = [
      { radius: nearest, ascents: COMPARED_BY },
      { radius, ascents },
    ];
    return new ShortestWays(this.#session, seen, { nearest, classes, towards, disturbance });
  }
}
