import { utf8ToBytes } from "@noble/hashes/utils.js";
import { canonicalJson } from "../canonical-json.ts";
import { sha256, type Digest } from "../digest.ts";
import { studentDigest, type PrivateRound } from "../privacy/private-round.ts";
import type { Cohort } from "../privacy/vector/fixed-point.ts";
import type { CampaignConfig } from "./campaign-config.ts";
import type { Privacy } from "./privacy.ts";

/** All updates of a round are in one sum. */
const GROUP = 0;

/**
 * A configuration as its coordinator tells it, before a reader fills in what it leaves out (SPEC M9.2): who
 * reads more into it, or less, has the same digest.
 */
export function toldDigest(config: unknown): Digest {
  return sha256(utf8ToBytes(canonicalJson(config)));
}

/**
 * What everybody in a campaign's training round must have seen alike (SPEC M5.2, M9.2).
 *
 * @param told `toldDigest` of the configuration
 */
export function privateRoundOf(
  { id, config }: { readonly id: string; readonly config: Pick<CampaignConfig, "model"> },
  privacy: Privacy,
  told: Digest,
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
    config: told,
    organisations: [...privacy.organisations],
    minimum: privacy.minimum,
    helper: privacy.helper.key,
  };
}

/** Whose updates one sum may hold: the goal's, each counting alike. */
export function cohortOf({ round }: Pick<CampaignConfig, "round">): Cohort {
  return { participants: round.goal, weight: 1 };
}
