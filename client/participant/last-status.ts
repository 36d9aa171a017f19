import { ProtocolError } from "../../protocol/errors.ts";
import type { ParticipantContext } from "./context.ts";
import { StoppedSignal } from "./controls.ts";
import { failureOf } from "./failure.ts";
import { outcomeText } from "./outcome-text.ts";
import type { ParticipantStatus } from "./status.ts";
import type { CoordinatorClient } from "./wire/coordinator-client.ts";

/** What there is to say of how the campaign ended (SPEC A8). */
export async function endOf(
  client: CoordinatorClient,
  context: ParticipantContext,
): Promise<ParticipantStatus> {
  const outcome = await context.retry((signal) => client.outcome(signal));
  const { round, state } = outcome;
  return { kind: "finished", state, round, detail: outcomeText(outcome) };
}

/**
 * The status that an error ends a participant with: stopped, how the campaign ended where it did
 * meanwhile, or why it cannot go on.
 *
 * @param client what the credential opens; undefined before there is one
 */
export async function statusAfter(
  error: unknown,
  client: CoordinatorClient | undefined,
  context: ParticipantContext,
): Promise<ParticipantStatus> {
  if (error instanceof StoppedSignal) return { kind: "stopped" };
  const isEnd = error instanceof ProtocolError && error.code === "campaign-ended";
  if (!isEnd || client === undefined) return failureOf(error);
  try {
    return await endOf(client, context);
  } catch (closed) {
    return failureOf(closed);
  }
}
