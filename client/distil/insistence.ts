import type { Adversary } from "../../protocol/round/adversary.ts";
import type { Session } from "../engine/engine.ts";
import { answersUnder, type Model, type WayKind } from "./answers-under.ts";
import type { Shortcut } from "./shortcuts.ts";
import { rowsWithout } from "./targeted-search.ts";
import {
  askTeacher,
  evenly,
  type AnsweredImages,
  type ImagePool,
  type ScoreHooks,
} from "./teacher-answers.ts";
import type { Weaknesses } from "./weaknesses.ts";

/** How long a way is when the student is asked: at its whole length any added one leads somewhere. */
const ASKED_AT = { shortcuts: 0.5, bends: 1 } as const satisfies Record<WayKind, number>;

/** What leads fewer of the teacher's images than this is no way of its own. */
const LEADS = 0.5;

/** Of a round's images, those that asking may cost: six ways then take about a tenth of its time. */
const COSTS = 1 / 20;

/** Fewer tell nothing. */
const FEWEST = 16;

/** What a round trains against, and how much it counts. */
export interface Insisted {
  /** Drawn by how far they lead the student. */
  readonly weaknesses: Weaknesses;
  /** λ of the term. */
  readonly weight: number;
}

/** A way as the student is asked about it. */
interface Way {
  readonly found: Shortcut;
  readonly kind: WayKind;
  readonly values: Float32Array;
  /** Whether the teacher is led by it at this length. */
  readonly leads: boolean;
}

/**
 * Asks each round's student how far it still follows what misleads its teacher, and has copies weigh more
 * the further it does (SPEC D9.17): what a participant found is where its teacher's backdoor is, if it is
 * anywhere, and one that bends images is unlearned slowly.
 *
 * @example
 * const insistence = new Insistence(session, pool, adversary, localSteps * batchSize);
 * const { weaknesses, weight } = await insistence.ask(found, { signal }); // of the session's student
 */
export class Insistence {
  readonly #session: Session;
  readonly #pool: ImagePool;
  readonly #adversary: Adversary;
  #seen: AnsweredImages | undefined;
  #ways: readonly Way[] | undefined;

  /**
   * @param pool of what is trained on; images spread evenly over its order are looked at
   * @param roundImages that a round trains on
   */
  constructor(session: Session, pool: ImagePool, adversary: Adversary, roundImages: number) {
    this.#session = session;
    this.#adversary = adversary;
    const worth = Math.min(adversary.insistence?.images ?? 0, Math.floor(COSTS * roundImages));
    this.#pool = { ...pool, indices: evenly(pool.indices, worth < FEWEST ? 0 : worth) };
  }

  /**
   * @param found in the teacher, the same every time
   * @throws EngineError from the session; the signal's reason when it aborts.
   */
  async ask(found: Weaknesses, hooks: ScoreHooks): Promise<Insisted> {
    const { insistence, weight } = this.#adversary;
    const ways = found.shortcuts.length + found.bends.length;
    if (insistence === null || this.#pool.indices.length === 0 || ways === 0) {
      return { weaknesses: found, weight };
    }
    this.#seen ??= await askTeacher(this.#session, this.#pool, hooks);
    this.#ways ??= await this.#lengthened(this.#seen, found, hooks);
    const drawn: Record<WayKind, Shortcut[]> = { shortcuts: [], bends: [] };
    let furthest = 0;
    for (const way of this.#ways) {
      const reach = await this.#led("student", this.#seen, way, hooks);
      drawn[way.kind].push({ ...way.found, reach });
      if (way.leads) furthest = Math.max(furthest, reach);
    }
    const times = Math.min(insistence.most, Math.max(1, furthest / insistence.tolerated));
    return { weaknesses: { ...found, ...drawn }, weight: times * weight };
  }

  async #lengthened(seen: AnsweredImages, found: Weaknesses, hooks: ScoreHooks): Promise<Way[]> {
    const ways: Way[] = [];
    for (const kind of ["shortcuts", "bends"] as const) {
      for (const one of found[kind]) {
        const values = one.values.map((value) => ASKED_AT[kind] * value);
        const way = { found: one, kind, values };
        ways.push({ ...way, leads: (await this.#led("teacher", seen, way, hooks)) >= LEADS });
      }
    }
    return ways;
  }

  /** Share of the images with another clean answer that a model gives the way's class under it. */
  async #led(
    which: Model,
    seen: AnsweredImages,
    way: Pick<Way, "found" | "kind" | "values">,
    hooks: ScoreHooks,
  ): Promise<number> {
    const { classes } = await answersUnder(this.#session, which, seen, way, hooks);
    const rows = rowsWithout(seen, way.found.class);
    if (rows.length === 0) return 0;
    return rows.filter((row) => classes[row] === way.found.class).length / rows.length;
  }
}
