import type { CampaignReport, RoundReport } from "../../../protocol/round/reports.ts";

type RoundPlace = Pick<RoundReport, "leg" | "judging">;

/**
 * Where a round stands, for people: counted within its leg, from 1.
 *
 * @example
 * placeText(round, campaign); // "probe 2 of 3 (strength 1), round 1 of 4"
 */
export function placeText(
  { leg, judging }: RoundPlace,
  { starts }: Pick<CampaignReport, "starts">,
): string {
  if (leg.kind === "statistics") return "statistics";
  const part = judging ? "judging" : `round ${leg.roundOfLeg + 1} of ${leg.trainingRounds}`;
  if (leg.kind === "main") return part;
  const strength = starts[leg.candidate]?.strength;
  return `probe ${leg.candidate + 1} of ${starts.length} (strength ${strength}), ${part}`;
}

/** The same in short, for a column. */
export function placeCell({ leg, judging }: RoundPlace): string {
  if (leg.kind === "statistics") return "statistics";
  const part = judging ? "judging" : `${leg.roundOfLeg + 1} of ${leg.trainingRounds}`;
  return leg.kind === "main" ? part : `probe ${leg.candidate + 1}: ${part}`;
}
