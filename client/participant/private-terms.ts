import { canonicalJson } from "../../protocol/canonical-json.ts";
import type {
  Assignment,
  StatisticsAssignment,
  TrialAssignment,
} from "../../protocol/round/assignment.ts";
import type { CampaignConfig } from "../../protocol/round/campaign-config.ts";
import type { Privacy } from "../../protocol/round/privacy.ts";
import { placeOf, roundCount } from "../../protocol/round/timeline.ts";
import { ParticipantError } from "./participant-error.ts";
import { campaignRefusal } from "./verify-campaign.ts";

/**
 * Refuses a campaign that hides nothing, for somebody who came to hide (SPEC M9.9): a coordinator could
 * leave `privacy` out for one participant alone, and have its update bare.
 *
 * @param isVouchedFor whether the participant was given an organisation's key
 * @throws ParticipantError `not-private`.
 */
export function requirePrivacy(privacy: Privacy | undefined, isVouchedFor: boolean): void {
  if (!isVouchedFor || privacy !== undefined) return;
  throw new ParticipantError(
    "not-private",
    "an organisation's key was given, and this campaign is not private: its coordinator would see every update of ours. Ask whoever invited you, by another way than this coordinator, whether it should be; if it should not, join without --organisation-key",
  );
}

/**
 * Refuses a campaign that hides otherwise than its invite's preview told (SPEC M9.9).
 *
 * @throws ParticipantError `campaign-not-verified`.
 */
export function requirePrivacyAsTold(
  told: Privacy | undefined,
  privacy: Privacy | undefined,
): void {
  if (canonicalJson(told ?? null) === canonicalJson(privacy ?? null)) return;
  throw campaignRefusal(
    "before this participant enrolled it told another privacy (helper, organisations, minimum or norm) than now",
  );
}

/**
 * Refuses what a private campaign's participant is not to be asked for, or not so (SPEC M9.10): whoever
 * alone is given other steps, or asked for statistics or a vote, can be told from the others' sum.
 *
 * @throws ParticipantError `campaign-not-verified`, naming what differs.
 */
export function requirePrivateWork(
  work: Assignment | StatisticsAssignment | TrialAssignment,
  config: CampaignConfig,
): void {
  switch (work.kind) {
    case "statistics":
      throw campaignRefusal("it asks for a participant's own statistics in a private campaign");
    case "trial":
      throw campaignRefusal("it asks for a vote on a candidate in a private campaign");
    case "assignment":
      requireAsPlanned(work, config);
  }
}

/** Of a round of scores alone the leg is compared: it may come early, and takes no steps (SPEC J6, J7). */
function requireAsPlanned(work: Assignment, config: CampaignConfig): void {
  const { localSteps, round } = work;
  if (round >= roundCount(config)) {
    throw campaignRefusal(`it hands out round ${round} of ${roundCount(config)}`);
  }
  const { judging, leg, roundOfLeg, startStep, totalSteps } = placeOf(config, round);
  const { kind, candidate, trainingRounds } = leg;
  requireSame(round, "leg", work.leg, { kind, candidate, roundOfLeg, trainingRounds });
  if (localSteps === 0) return;
  if (judging)
    throw campaignRefusal(`it asks for steps in round ${round}, after the last to train`);
  const planned = { startStep, totalSteps, localSteps: config.distillation.localSteps };
  for (const field of ["startStep", "totalSteps", "localSteps"] as const) {
    requireSame(round, field, work[field], planned[field]);
  }
}

function requireSame(round: number, field: string, told: unknown, planned: unknown): void {
  const [is, shouldBe] = [told, planned].map((value) => canonicalJson(value));
  if (is === shouldBe) return;
  throw campaignRefusal(
    `in round ${round} of a private campaign it gives ${field} ${is}, where its configuration comes to ${shouldBe} for everybody`,
  );
}
