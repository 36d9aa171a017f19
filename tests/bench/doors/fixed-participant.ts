import { setTimeout as delay } from "node:timers/promises";
import { systemClock } from "../../../client/participant/ports.ts";
import { retrying, type RetryOptions } from "../../../client/participant/wire/retry.ts";
import { deliver, judgement } from "../../../client/participant/wire/upload.ts";
import { ProtocolError } from "../../../protocol/errors.ts";
import type { SmallModel } from "./small-model.ts";
import { fixedUpdate, signed, type Volunteer } from "./volunteer.ts";

/**
 * Takes part to the campaign's end with updates that follow from rank and round alone, through
 * whatever happens to the coordinator.
 */
export async function participate(
  volunteer: Volunteer,
  { rank, model, examples }: { rank: number; model: SmallModel; examples: number },
): Promise<void> {
  const { client } = volunteer;
  const { signal } = new AbortController();
  const retry: RetryOptions = { clock: systemClock, random: Math.random, signal };
  for (;;) {
    const reply = await retrying(() => client.checkIn({}, signal), retry);
    if (reply.kind === "ended") return;
    if (reply.kind === "wait") {
      await delay(reply.retryAfterMs);
      continue;
    }
    if (reply.kind !== "assignment") throw new Error(`got '${reply.kind}' for an assignment`);
    const update =
      reply.localSteps === 0
        ? judgement(reply, { scores: null, seconds: 1, backend: "none" })
        : fixedUpdate(reply, model, { codec: "int8", seed: 1000 * rank + reply.round, examples });
    try {
      await deliver(await signed(update, volunteer), {
        ...retry,
        client,
        beforeSlice: () => Promise.resolve(),
        onStored: () => {},
      });
    } catch (error) {
      // The round went on with what was stored before a kill.
      if (!(error instanceof ProtocolError) || error.code !== "stale-round") throw error;
    }
  }
}
