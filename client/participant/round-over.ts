import type { CoordinatorEvent } from "../../protocol/round/events.ts";
import { isEnded } from "../../protocol/round/states.ts";
import type { Attempt } from "./coordinator-client.ts";

/** Reason of the abort when the round ended while its steps were still being taken. */
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
      return isEnded(event.state);
  }
}
