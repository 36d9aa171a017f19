import type { OpenModel } from "../formats/open-model.ts";
import { hasPlacesForNorms, withStandIns } from "../formats/stand-in-file.ts";
import type { CampaignConfig } from "./campaign-config.ts";

/**
 * A model as its campaign has it: where the configuration leaves it open, with norms that stand in for
 * folded ones if there are places for such and the strategy does without what they have not (SPEC L1).
 *
 * @param model as it was opened with what the configuration says of its network
 */
export function withUsualStandIns(
  model: OpenModel,
  { network, reinit }: Pick<CampaignConfig, "network" | "reinit">,
): OpenModel {
  const isOpen = network.standInNorms === undefined && reinit.strategy.kind !== "bn-divergence";
  return isOpen && hasPlacesForNorms(model) ? withStandIns(model) : model;
}
