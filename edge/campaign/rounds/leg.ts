import type { RoundLeg } from "../../../protocol/round/assignment.ts";
import { placeOf } from "../../../protocol/round/timeline.ts";
import type { CampaignRecord } from "../store/campaign-store.ts";

/** The leg of a round, as participants and reports are told of it (SPEC J4). */
export function legOf({ config, course }: CampaignRecord, round: number): RoundLeg {
  const { leg, roundOfLeg } = placeOf(config, round, course);
  const { candidate, kind, trainingRounds } = leg;
  if (kind === "statistics") return { kind };
  if (candidate === undefined) throw new Error(`round ${round} is there before a start was chosen`);
  return { kind, candidate, roundOfLeg, trainingRounds };
}
