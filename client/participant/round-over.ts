import type { CoordinatorEvent } from "../../protocol/round/events.ts";
import { isEnded } from "../../protocol/round/states.ts";
import type { Attempt } from "./wire/coordinator-client.ts";

/** Reason of the abort when the round, or the campaign, ended under what was still being done for it. */
export class RoundOver extends Error {}

/** Whether an event says that updates of this attempt come too late. */
export function endsAttempt(event: CoordinatorEvent, { round, attempt }: Attempt): boolean {
  switch (event.type) {
    case "round-opened":
      return event.round > round || (event.round === round && event.attempt > attempt);
    case "round-committed":
      return event.round >= round;
    case "round-void":
      return event.round === round && event.attempt >= attempt;
    case "campaign-state":
      return endsCampaign(event);
  }
}

export function endsCampaign(event: CoordinatorEvent): boolean {
  return event.type === "campaign-state" && isEnded(event.state);
}
