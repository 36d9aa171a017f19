import { ProtocolError, type ProblemCode } from "../../protocol/errors.ts";
import type { FoundBroken } from "../../protocol/round/refusal.ts";
import type { VoteRequest } from "../../protocol/round/trial/examination.ts";
import type { ParticipantContext } from "./context.ts";
import { afterVerdict } from "./totals.ts";
import type { Attempt, CoordinatorClient } from "./wire/coordinator-client.ts";
import type { Credential } from "./wire/credential.ts";
import { signCommit, signVote } from "./wire/sign-commit.ts";
import { deliver, type PendingUpdate } from "./wire/upload.ts";

/** Problems of a round that went on without this participant. */
const PASSED: ReadonlySet<ProblemCode> = new Set(["stale-round", "update-conflict"]);

/** Who hands something in, and to whom. */
export interface HandIn {
  readonly client: CoordinatorClient;
  readonly credential: Credential;
  readonly context: ParticipantContext;
}

/**
 * Signs, sends and commits an update, and counts the verdict.
 *
 * @returns `dropped`: the round went on without it. `kept`: the campaign is paused; try again later.
 * @throws ProtocolError for refusals that end the participant.
 */
export async function handIn(
  update: PendingUpdate,
  { client, context, credential }: HandIn,
): Promise<"delivered" | "dropped" | "kept"> {
  const { round } = update;
  const { board } = context;
  try {
    const request = await signCommit(update, credential.identity);
    const signed = { ...update, request };
    const reply = await deliver(signed, {
      ...context.retryOptions,
      client,
      beforeSlice: () => context.gate(),
      onStored: (bytes, totalBytes) => board.show({ kind: "uploading", round, bytes, totalBytes }),
    });
    board.count(afterVerdict(board.totals, reply, update.kind, request));
    return "delivered";
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error;
    if (error.code === "campaign-state") return "kept";
    if (PASSED.has(error.code)) return "dropped";
    if (error.code === "malformed-update" && update.kind === "update") {
      await refuseStudent(update, "update", { client, context });
      return "dropped";
    }
    throw error;
  }
}

/** Tells the coordinator that the round's student is broken (SPEC J12); the next check-in says to wait. */
export async function refuseStudent(
  { attempt, round }: Attempt,
  found: FoundBroken,
  { client, context }: Pick<HandIn, "client" | "context">,
): Promise<void> {
  try {
    const request = { reason: "broken-student" as const, found };
    await context.retry((signal) => client.refuse({ attempt, round }, request, signal));
  } catch (error) {
    // The round is over, or has an update of this participant already: nothing is to be said of it.
    const passed = error instanceof ProtocolError && PASSED.has(error.code);
    if (!passed) throw error;
  }
}

/** Says what a candidate is like (SPEC K3); too late is no harm. */
export async function handInVote(
  { attempt, round }: Attempt,
  vote: VoteRequest,
  { client, context, credential }: HandIn,
): Promise<void> {
  try {
    const request = await signVote({ attempt, round }, vote, credential.identity);
    await context.retry((signal) => client.vote({ attempt, round }, request, signal));
  } catch (error) {
    const passed = error instanceof ProtocolError && PASSED.has(error.code);
    if (!passed) throw error;
  }
}
