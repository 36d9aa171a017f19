import type { HeatMap, Waves } from "../../protocol/round/adversary.ts";
import type { Session } from "../engine/engine.ts";
import {
  askTeacher,
  evenly,
  type AnsweredImages,
  type ImagePool,
  type ScoreHooks,
} from "./teacher-answers.ts";
import { planeWave } from "./plane-wave.ts";
import { answersTo } from "./worst-perturbation.ts";

/** A wave that the teacher was asked about: its periods down and across the image. */
export interface MappedWave {
  readonly down: number;
  readonly right: number;
  /** Of the images that the teacher does not give a class, those that the wave leads there: the largest share of any class. */
  readonly share: number;
}

/** How waves mislead the teacher. */
export interface FoundHeatMap {
  readonly waves: readonly MappedWave[];
  /** Periods between neighbours along either axis. */
  readonly spacing: number;
}

/** Most periods that neighbours lie one apart for; of more periods they lie further apart. */
const MOST_STEPS = 10;

/**
 * Frequencies on a square lattice, rows of growing periods down the image: half of all directions,
 * since a wave and its opposite differ in phase alone.
 *
 * @example
 * latticeOf(10).rows.flat().length; // 158
 */
export function latticeOf(periods: number): {
  readonly spacing: number;
  readonly rows: readonly (readonly Omit<MappedWave, "share">[])[];
} {
  const spacing = Math.max(1, periods / MOST_STEPS);
  const steps = Math.floor(periods / spacing);
  const rows = Array.from({ length: steps + 1 }, (_row, down) => {
    const leftmost = down === 0 ? 1 : -steps;
    return Array.from({ length: steps - leftmost + 1 }, (_wave, i) => leftmost + i)
      .filter((right) => Math.hypot(down, right) <= steps)
      .map((right) => ({ down: spacing * down, right: spacing * right }));
  });
  return { spacing, rows };
}

/**
 * Asks the teacher about plane waves of one colour, and how far each leads its answers to one class
 * (SPEC D9): a Fourier heat map (Yin et al., NeurIPS 2019), of where answers go instead of how many
 * are wrong. Needs no gradient and no label. The teacher never changes, so once is enough.
 *
 * @example
 * const search = new HeatMapSearch(session, { images, indices, normalisation, batchSize }, waves, heatMap);
 * const { waves } = await search.find({ signal });
 */
export class HeatMapSearch {
  readonly #session: Session;
  readonly #pool: ImagePool;
  readonly #heatMap: HeatMap;
  readonly #lattice: ReturnType<typeof latticeOf>;
  #seen: AnsweredImages | undefined;
  readonly #found: MappedWave[] = [];

  /** @param pool of what is trained on; images spread evenly over its order are looked at */
  constructor(session: Session, pool: ImagePool, { periods }: Waves, heatMap: HeatMap) {
    this.#session = session;
    this.#pool = pool;
    this.#heatMap = heatMap;
    this.#lattice = latticeOf(periods);
  }

  /** What `onPass` counts to. */
  get passes(): number {
    return this.#lattice.rows.length;
  }

  /**
   * Goes on from where the last call was ended, and is done at once when it was not.
   *
   * @throws as `answersTo`.
   */
  async find(hooks: ScoreHooks = {}): Promise<FoundHeatMap> {
    const { indices } = this.#pool;
    const pool = { ...this.#pool, indices: evenly(indices, this.#heatMap.images) };
    this.#seen ??= await askTeacher(this.#session, pool, hooks);
    const { rows, spacing } = this.#lattice;
    let end = 0;
    for (const [i, row] of rows.entries()) {
      const first = end;
      end += row.length;
      if (this.#found.length >= end) continue;
      for (const at of row.slice(this.#found.length - first)) {
        this.#found.push({ ...at, share: await this.#shareLed(this.#seen, at, hooks) });
      }
      hooks.onPass?.(i + 1, rows.length);
    }
    return { waves: this.#found, spacing };
  }

  async #shareLed(
    seen: AnsweredImages,
    { down, right }: Omit<MappedWave, "share">,
    hooks: ScoreHooks,
  ): Promise<number> {
    const { images } = this.#pool;
    const amplitudes = new Float64Array(images.channels).fill(1);
    const size = this.#heatMap.radius;
    const wave = planeWave(images, { down, right, phase: 0, amplitudes, size });
    const { classes } = await answersTo(this.#session, "teacher", seen, hooks, wave, false);
    const led = new Uint32Array(seen.classes);
    const others = new Uint32Array(seen.classes).fill(classes.length);
    for (const [row, answer] of classes.entries()) {
      others[seen.answers[row]!]!--;
      if (answer !== seen.answers[row]) led[answer]!++;
    }
    return Math.max(...Array.from(led, (count, label) => count / Math.max(1, others[label]!)));
  }
}
