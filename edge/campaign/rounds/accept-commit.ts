import { ProtocolError } from "../../../protocol/errors.ts";
import type { CommitReply, CommitRequest } from "../../../protocol/round/assignment.ts";
import { exampleCap } from "../../../protocol/round/campaign-config.ts";
import { LEAST_STATISTICS_IMAGES } from "../../../protocol/reinit/strategy-schema.ts";
import { commitDigest, commitText } from "../../../protocol/round/signing.ts";
import { placeOf } from "../../../protocol/round/timeline.ts";
import type { AttemptId } from "../../blobs/update-objects.ts";
import type { SliceShape } from "../../slice/slice-work.ts";
import { appendLink } from "../chain/append.ts";
import { leavesRoomForOthers, takeSeed } from "../hidden/sealed-commit.ts";
import type { Ledger } from "../store/ledger.ts";
import { checkStatisticsCommit, declines } from "./accept-statistics.ts";
import { attemptAtHand } from "./attempt-at-hand.ts";
import { awaitsScores, reachedGoal } from "./awaited-scores.ts";
import { checkCommit } from "./check-commit.ts";
import { phaseOf } from "./phases.ts";
import { advanceIfComplete } from "./transitions.ts";

/**
 * Closes an update, a judging round's scores or a statistics round's sums (SPEC R5–R7, J3, J8, B2–B4).
 * Reaching the goal starts combining.
 *
 * @throws ProtocolError `stale-round`, `update-conflict`, `incomplete-update` or
 *   `malformed-request`.
 */
export function commitUpdate(
  ledger: Ledger,
  participant: string,
  id: AttemptId,
  request: CommitRequest,
  now: number,
): CommitReply {
  const text = commitText(request);
  const earlier = ledger.commits.find(id, participant);
  if (earlier !== undefined) {
    if (earlier.request === text) return JSON.parse(earlier.reply) as CommitReply;
    throw new ProtocolError(
      "update-conflict",
      `another update was committed for round ${id.round}, attempt ${id.attempt} already`,
    );
  }
  const attempt = attemptAtHand(ledger, participant, id);
  const campaign = ledger.campaign.read();
  const { config, course, model, slices } = campaign;
  const { judging, leg } = placeOf(config, id.round, course);
  const measures = leg.kind === "statistics";
  const isPrivate = config.privacy !== undefined;
  if (measures) checkStatisticsCommit(request, config);
  else {
    const { classes } = model;
    checkCommit(request, { judging, rules: config.judging, classes, isPrivate });
  }
  const wanted = request.scores !== null && awaitsScores(ledger, attempt);
  const isAwaited = phaseOf(campaign, attempt)?.by === "participants";
  const full = !isAwaited || (reachedGoal(ledger, attempt) && !wanted);
  const { invite } = ledger.roster.participant(participant)!;
  const { places } = ledger.roster.invite(invite);
  const inviteFull = ledger.commits.acceptedOf(id, invite) >= places;
  const organisationFull = !leavesRoomForOthers(ledger, id, request);
  const found = { full, inviteFull, measures, organisationFull };
  const rejection = rejectionOf(request, id, found);
  // In a sum that hides, everybody counts alike (SPEC M9.4).
  const weight = measures
    ? request.examples
    : isPrivate && !judging
      ? 1
      : Math.min(request.examples, exampleCap(config), assignedExamples(ledger, participant, id));
  const reply = rejection ?? { verdict: "accepted" as const, round: id.round, weight };
  if (rejection === undefined && !judging) {
    const expected = slices.filter(({ section }) => !measures || section === "statistics");
    requireStored(ledger, participant, id, request.slices, expected);
  }
  if (rejection === undefined && request.hidden !== undefined) {
    takeSeed(ledger, attempt, request.hidden);
  }
  ledger.roster.setBackend(participant, request.backend);
  ledger.commits.add(id, {
    participant,
    request: text,
    reply: JSON.stringify(reply),
    accepted: rejection === undefined,
    slices: request.slices,
    // Trained on: what is only measured has no loss to average.
    examples: measures || isPrivate ? 0 : weight,
    weight,
    loss: request.loss,
    agreement: request.agreement,
    scores: request.scores,
    signature: request.signature ?? null,
    committedAt: now,
  });
  if (rejection !== undefined) linkRejection(ledger, participant, id, request, rejection.reason);
  // While paused the update is kept, and what follows waits until the campaign is resumed (SPEC C3).
  advanceIfComplete(ledger, attempt, now);
  return reply;
}

type Rejection = CommitReply & { readonly verdict: "rejected" };

/** Why a commit that is in order is not wanted; undefined when it is. */
function rejectionOf(
  request: CommitRequest,
  { round }: AttemptId,
  found: {
    readonly full: boolean;
    readonly inviteFull: boolean;
    readonly organisationFull: boolean;
    readonly measures: boolean;
  },
): Rejection | undefined {
  const rejected = { verdict: "rejected", round } as const;
  if (found.full) {
    const detail = `round ${round} had the updates it needs: this one came too late`;
    return { ...rejected, reason: "goal-reached", detail };
  }
  if (found.inviteFull) {
    const detail = `round ${round} has all the updates that this participant's invite has places for: another's came first`;
    return { ...rejected, reason: "invite-full", detail };
  }
  if (found.organisationFull) {
    const detail = `round ${round} keeps its last place for another organisation than this participant's, without which it would hide nobody (SPEC M5.1)`;
    return { ...rejected, reason: "organisation-full", detail };
  }
  if (!found.measures || !declines(request)) return undefined;
  const detail = `round ${round} takes statistics of at least ${LEAST_STATISTICS_IMAGES} images, which this participant does not have: it trains in the rounds that follow`;
  return { ...rejected, reason: "too-few-images", detail };
}

/** Whoever has a key can show by the link what it was that was not taken (SPEC R9.7). */
function linkRejection(
  ledger: Ledger,
  participant: string,
  { round, attempt }: AttemptId,
  request: CommitRequest,
  reason: Rejection["reason"],
): void {
  const { publicKey } = ledger.roster.participant(participant)!;
  appendLink(ledger, {
    kind: "rejection",
    round,
    attempt,
    participant,
    reason,
    commit: commitDigest(request),
    ...(publicKey !== null && { key: publicKey, signature: request.signature }),
  });
}

/** Images that the steps assigned can have used. */
function assignedExamples(ledger: Ledger, participant: string, id: AttemptId): number {
  const { batchSize, localSteps } = ledger.campaign.read().config.distillation;
  return batchSize * (ledger.rounds.lease(id, participant)?.localSteps ?? localSteps);
}

function requireStored(
  ledger: Ledger,
  participant: string,
  id: AttemptId,
  digests: readonly string[],
  expected: readonly SliceShape[],
): void {
  if (digests.length !== expected.length) {
    throw new ProtocolError(
      "malformed-request",
      `the commit names ${digests.length} slices, an update of this round has ${expected.length}`,
    );
  }
  const stored = new Map(
    ledger.uploads.stored(id, participant).map(({ index, digest }) => [index, digest]),
  );
  const missing = expected
    .filter(({ index }, i) => stored.get(index) !== digests[i])
    .map(({ index }) => index);
  if (missing.length === 0) return;
  throw new ProtocolError(
    "incomplete-update",
    `slices ${missing.slice(0, 20).join(", ")} are not stored under the digests named: upload them, then commit again`,
    { missing },
  );
}
