import { utf8ToBytes } from "@noble/hashes/utils.js";
import { canonicalJson } from "../canonical-json.ts";
import { sha256 } from "../digest.ts";
import { studentDigest, type PrivateRound } from "../privacy/private-round.ts";
import type { Cohort } from "../privacy/vector/fixed-point.ts";
import type { CampaignConfig } from "./campaign-config.ts";
import type { Privacy } from "./privacy.ts";

/** All updates of a round are in one sum. */
const GROUP = 0;

/** What everybody in a campaign's training round must have seen alike (SPEC M5.2, M9.2). */
export function privateRoundOf(
  { id, config }: { readonly id: string; readonly config: CampaignConfig },
  privacy: Privacy,
  round: number,
  student: readonly string[],
): PrivateRound {
  return {
    version: 1,
    campaign: id,
    round,
    group: GROUP,
    student: studentDigest(student),
    teacher: config.model,
    config: sha256(utf8ToBytes(canonicalJson(config))),
    organisations: [...privacy.organisations],
    minimum: privacy.minimum,
    helper: privacy.helper.key,
  };
}

/** Whose updates one sum may hold: the goal's, each counting alike. */
export function cohortOf({ round }: Pick<CampaignConfig, "round">): Cohort {
  return { participants: round.goal, weight: 1 };
}
