import type { Adversary } from "../../protocol/round/adversary.ts";
import type { Session } from "../engine/engine.ts";
import { HeatMapSearch, type FoundHeatMap } from "./heat-map.ts";
import { ShortcutSearch, type Shortcut } from "./shortcuts.ts";
import type { ImagePool, ScoreHooks } from "./teacher-answers.ts";

/** What misleads the teacher, as far as it is trained against. */
export interface Weaknesses {
  readonly shortcuts: readonly Shortcut[];
  /** Undefined where none is wanted, or no wave of it misleads the teacher. */
  readonly heatMap: FoundHeatMap | undefined;
}

export const NO_WEAKNESSES: Weaknesses = { shortcuts: [], heatMap: undefined };

/**
 * Seeks what misleads the teacher, as the adversary wants it (SPEC D9): shortcuts, then how waves do.
 * Once is enough; what is done of it stays where it is ended.
 *
 * @example
 * const search = new WeaknessSearch(session, { images, indices, normalisation, batchSize }, adversary);
 * const { shortcuts, heatMap } = await search.find({ signal });
 */
export class WeaknessSearch {
  readonly #heatMap: HeatMapSearch | undefined;
  readonly #shortcuts: ShortcutSearch | undefined;
  /** Passes that shortcuts took, as far as is known. */
  #before = 0;

  /** @param pool of what is trained on */
  constructor(session: Session, pool: ImagePool, { heatMap, shortcuts, waves }: Adversary) {
    this.#heatMap = waves && heatMap ? new HeatMapSearch(session, pool, waves, heatMap) : undefined;
    this.#shortcuts = shortcuts ? new ShortcutSearch(session, pool, shortcuts) : undefined;
  }

  /** @throws EngineError from the session; the signal's reason when it aborts. */
  async find(hooks: ScoreHooks = {}): Promise<Weaknesses> {
    const mapped = this.#heatMap?.passes ?? 0;
    const shortcuts = await this.#shortcuts?.find({
      ...hooks,
      onPass: (done, total) => {
        this.#before = total;
        hooks.onPass?.(done, total + mapped);
      },
    });
    const heatMap = await this.#heatMap?.find({
      ...hooks,
      onPass: (done) => hooks.onPass?.(this.#before + done, this.#before + mapped),
    });
    const leads = heatMap?.waves.some(({ share }) => share > 0);
    return { shortcuts: shortcuts ?? [], heatMap: leads ? heatMap : undefined };
  }
}
