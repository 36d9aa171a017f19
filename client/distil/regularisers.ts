import { CAMPAIGN_REGULARISERS, type Regularisers } from "../../protocol/round/regularisers.ts";
import type { RegulariserName, RegulariserSettings } from "../engine/regularisers.ts";

/** Engines know every regulariser that a campaign can have, by the same name. */
const NAMES: readonly (RegulariserName & keyof Regularisers)[] = CAMPAIGN_REGULARISERS;

/** A campaign's regularisers as an engine takes them (SPEC D10, D11): none are left out. */
export function engineRegularisers(regularisers: Regularisers): RegulariserSettings {
  return Object.fromEntries(
    NAMES.map((name) => [name, regularisers[name] ?? undefined]),
  ) as RegulariserSettings;
}
