import type { Adversary, Shortcuts } from "../../protocol/round/adversary.ts";
import type { Session } from "../engine/engine.ts";
import { HeatMapSearch, type FoundHeatMap } from "./heat-map.ts";
import { mostPasses } from "./shortest-ways.ts";
import {
  ADDITIVE,
  bending,
  ShortcutSearch,
  type Shortcut,
  type ShortcutKind,
} from "./shortcuts.ts";
import type { ImagePool, ScoreHooks } from "./teacher-answers.ts";

/** What misleads the teacher, as far as it is trained against. */
export interface Weaknesses {
  readonly shortcuts: readonly Shortcut[];
  /** Those that bend images; none that leads no image anywhere. */
  readonly bends: readonly Shortcut[];
  /**
   * Of all that bend images, the class that one half as long leads to furthest, and how far: what is told
   * of them (SPEC J2). Undefined where none were sought.
   */
  readonly bend: Pick<Shortcut, "class" | "reach"> | undefined;
  /** Undefined where none is wanted, or no wave of it misleads the teacher. */
  readonly heatMap: FoundHeatMap | undefined;
}

export const NO_WEAKNESSES: Weaknesses = {
  shortcuts: [],
  bends: [],
  bend: undefined,
  heatMap: undefined,
};

/**
 * Seeks what misleads the teacher, as the adversary wants it (SPEC D9): shortcuts, what bends
 * images, then how waves do. Once is enough; what is done of it stays where it is ended.
 *
 * @example
 * const search = new WeaknessSearch(session, pool, adversary, graph.classes);
 * const { shortcuts, heatMap } = await search.find({ signal });
 */
export class WeaknessSearch {
  readonly #searches: {
    readonly shortcuts: ShortcutSearch | undefined;
    readonly bends: ShortcutSearch | undefined;
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
    const seek = (settings: Shortcuts, kind: ShortcutKind): ShortcutSearch =>
      new ShortcutSearch(session, pool, settings, kind);
    const inPixels = bends && { ...bends, radius: bends.radius * pool.images.width };
    const searches = {
      shortcuts: shortcuts ? seek(shortcuts, ADDITIVE) : undefined,
      bends: warp && inPixels ? seek(inPixels, bending(warp.grid)) : undefined,
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
    const added = (await shortcuts?.find(after(0))) ?? [];
    const bent = (await bends?.find(after(ofShortcuts))) ?? [];
    const waves = await heatMap?.find(after(ofShortcuts + ofBends));
    return {
      shortcuts: added,
      // A field that leads nobody anywhere may be none at all, and would take others' steps.
      bends: bent.filter(({ share }) => share > 0),
      bend: furthest(bent),
      heatMap: waves?.waves.some(({ share }) => share > 0) ? waves : undefined,
    };
  }
}

/** The first of those of largest reach. */
function furthest(ways: readonly Shortcut[]): Weaknesses["bend"] {
  const [best] = ways.toSorted((a, b) => b.reach - a.reach);
  return best && { class: best.class, reach: best.reach };
}
