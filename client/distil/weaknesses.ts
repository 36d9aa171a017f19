import type { Adversary } from "../../protocol/round/adversary.ts";
import type { Session } from "../engine/engine.ts";
import { BendSearch, type Bend } from "./bends.ts";
import { HeatMapSearch, type FoundHeatMap } from "./heat-map.ts";
import { mostPasses } from "./shortest-ways.ts";
import { ShortcutSearch, type Shortcut } from "./shortcuts.ts";
import type { ImagePool, ScoreHooks } from "./teacher-answers.ts";

/** What misleads the teacher, as far as it is trained against. */
export interface Weaknesses {
  readonly shortcuts: readonly Shortcut[];
  readonly bends: readonly Bend[];
  /** Undefined where none is wanted, or no wave of it misleads the teacher. */
  readonly heatMap: FoundHeatMap | undefined;
}

export const NO_WEAKNESSES: Weaknesses = { shortcuts: [], bends: [], heatMap: undefined };

/**
 * Seeks what misleads the teacher, as the adversary wants it (SPEC D9): shortcuts, what
 * bends images, then how waves do.
 * Once is enough; what is done of it stays where it is ended.
 *
 * @example
 * const search = new WeaknessSearch(session, pool, adversary, graph.classes);
 * const { shortcuts, heatMap } = await search.find({ signal });
 */
export class WeaknessSearch {
  readonly #searches: {
    readonly shortcuts: ShortcutSearch | undefined;
    readonly bends: BendSearch | undefined;
    readonly heatMap: HeatMapSearch | undefined;
  };
  /** Passes of each, at most, in this order. */
  readonly #passes: readonly [number, number, number];

  /**
   * @param pool of what is trained on
   * @param classes of the model
   */
  constructor(session: Session, pool: ImagePool, adversary: Adversary, classes: number) {
    const { bends, heatMap, shortcuts, warp, waves } = adversary;
    const searches = {
      shortcuts: shortcuts ? new ShortcutSearch(session, pool, shortcuts) : undefined,
      bends:
        warp && bends ? new BendSearch(session, pool, { ...bends, grid: warp.grid }) : undefined,
      heatMap: waves && heatMap ? new HeatMapSearch(session, pool, waves, heatMap) : undefined,
    };
    this.#searches = searches;
    this.#passes = [
      shortcuts ? mostPasses(classes, shortcuts.classes, 2) : 0,
      bends ? mostPasses(classes, bends.classes, 2) : 0,
      searches.heatMap?.passes ?? 0,
    ];
  }

  /** @throws EngineError from the session; the signal's reason when it aborts. */
  async find(hooks: ScoreHooks = {}): Promise<Weaknesses> {
    const [ofShortcuts, ofBends, ofWaves] = this.#passes;
    const total = ofShortcuts + ofBends + ofWaves;
    const after = (before: number): ScoreHooks => ({
      ...hooks,
      onPass: (done) => hooks.onPass?.(before + done, total),
    });
    const { bends, heatMap, shortcuts } = this.#searches;
    const found = {
      shortcuts: (await shortcuts?.find(after(0))) ?? [],
      bends: (await bends?.find(after(ofShortcuts))) ?? [],
      heatMap: await heatMap?.find(after(ofShortcuts + ofBends)),
    };
    const leads = found.heatMap?.waves.some(({ share }) => share > 0);
    return leads ? found : { ...found, heatMap: undefined };
  }
}
