import { planExecutable } from "../../../client/engine/webgpu/executable.ts";
import { defaultTiles } from "../../../client/engine/webgpu/tiles/tiles.ts";
import { stateLayout } from "../../../protocol/model/state-layout.ts";
import { usualOptimizer } from "../../../protocol/round/local-optimizer.ts";
import type { CaseSize } from "./distillation-case.ts";
import { networkGraph } from "./networks.ts";

/** What a step of a case is for our engine on a graphics card, by its plan. */
export interface PlannedDispatches extends CaseSize {
  readonly dispatches: number;
  /** Activations and workspaces at once. */
  readonly arenaBytes: number;
}

/** No card is needed; nothing is cut for lack of memory, and nothing for a display's sake. */
export function plannedDispatches({ network, batch }: CaseSize): PlannedDispatches {
  const graph = networkGraph(network);
  const { phases, arenaBytes } = planExecutable(
    {
      graph,
      layout: stateLayout(graph),
      tiles: defaultTiles(false, true),
      optimizer: usualOptimizer(graph),
    },
    {
      mode: "distil",
      size: batch,
      groupSize: batch,
      input: "values",
      regularisers: [],
      finish: "descend",
    },
    { bytes: Infinity, mostGroups: Infinity },
  );
  return { network, batch, dispatches: phases.flat().length, arenaBytes };
}
