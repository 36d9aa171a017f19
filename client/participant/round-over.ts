import type { CoordinatorEvent } from "../../protocol/round/events.ts";
import { isEnded } from "../../protocol/round/states.ts";
import type { Attempt } from "./wire/coordinator-client.ts";

/** Reason of the abort when the round, or the campaign, ended under what was still being done for it. */
export class RoundOver extends Error {}

/** Whether an event says that updates of this attempt come too late. */
function endsAttempt(event: CoordinatorEvent, { round, attempt }: Attempt): boolean {
  switch (event.type) {
    case "round-opened":
      return event.round > round || (event.round === round && event.attempt > attempt);
    case "round-committed":
      return event.round >= round;
    case "round-void":
      return event.round === round && event.attempt >= attempt;
    case "candidate":
      return false;
    case "campaign-state":
      return endsCampaign(event);
  }
}

export function endsCampaign(event: CoordinatorEvent): boolean {
  return event.type === "campaign-state" && isEnded(event.state);
}

/**
 * Aborts what is done for a round, or before any, as soon as an event says that it comes too late. The
 * reason of the abort is a `RoundOver`.
 */
export class Endings {
  readonly #campaign = new AbortController();
  /** The attempt at work, and how to give it up. */
  #current: (Attempt & { readonly over: AbortController }) | undefined;

  /** Aborts when the campaign is over. */
  get campaign(): AbortSignal {
    return this.#campaign.signal;
  }

  heard(event: CoordinatorEvent): void {
    if (endsCampaign(event)) this.#campaign.abort(new RoundOver("the campaign ended"));
    if (this.#current !== undefined && endsAttempt(event, this.#current)) {
      this.#current.over.abort(new RoundOver("the round ended"));
    }
  }

  /** Works at an attempt, one at a time; the signal aborts when its updates come too late. */
  async during<T>(
    { attempt, round }: Attempt,
    work: (over: AbortSignal) => Promise<T>,
  ): Promise<T> {
    const over = new AbortController();
    this.#current = { round, attempt, over };
    try {
      return await work(over.signal);
    } finally {
      this.#current = undefined;
    }
  }
}
