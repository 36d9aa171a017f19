import { ProtocolError } from "../../../protocol/errors.ts";
import type { Examination, VoteRequest } from "../../../protocol/round/trial/examination.ts";
import { WAYS } from "../../../protocol/round/trial/tally.ts";
import { voteText } from "../../../protocol/round/signing.ts";
import type { AttemptId } from "../../blobs/update-objects.ts";
import { phaseOf } from "../rounds/phases.ts";
import type { Ledger } from "../store/ledger.ts";
import { settleTrial } from "./settle-trial.ts";
import { votersOf } from "./voters.ts";

/**
 * Takes a participant's word on a candidate (SPEC K3). The same again is answered alike.
 *
 * @throws ProtocolError `stale-round`, `update-conflict`, `forbidden` or `malformed-request`.
 */
export function acceptVote(
  ledger: Ledger,
  participant: string,
  id: AttemptId,
  request: VoteRequest,
  now: number,
): void {
  const { candidate, comparison } = request;
  const text = voteText(request);
  const earlier = ledger.trials.voteOf(id, candidate, participant);
  if (earlier === text) return;
  const name = `candidate ${candidate} of round ${id.round}, attempt ${id.attempt}`;
  if (earlier !== undefined) {
    throw new ProtocolError("update-conflict", `another vote on ${name} was taken already`);
  }
  const attempt = ledger.rounds.current();
  const campaign = ledger.campaign.read();
  const isTried =
    attempt?.round === id.round &&
    attempt.attempt === id.attempt &&
    phaseOf(campaign, attempt)?.by === "voters" &&
    ledger.trials.of(id).at(-1)?.candidate === candidate;
  if (!isTried) {
    throw new ProtocolError("stale-round", `${name} is not being tried: check in for what is`);
  }
  if (!votersOf(ledger, id).includes(participant)) {
    throw new ProtocolError("forbidden", `this participant was not asked about ${name}`);
  }
  if (comparison !== null) {
    const { images } = campaign.config.judging;
    const { classes } = campaign.model;
    requireExamination("candidate", comparison.candidate, images, classes);
    requireExamination("last", comparison.last, images, classes);
    requireSameImages(comparison);
  }
  ledger.trials.addVote(id, candidate, participant, text, request.signature ?? null);
  settleTrial(ledger, now);
}

/** Held to what it can be (SPEC K3.3). */
function requireExamination(
  which: "candidate" | "last",
  { copies, images, loss, transfer, ...ways }: Examination,
  mostImages: number,
  classes: number,
): void {
  const field = `comparison.${which}`;
  requireField(images <= mostImages, `${field}.images`, `are more than ${mostImages}`);
  requireField(
    transfer.class < classes,
    `${field}.transfer.class`,
    `is not among ${classes} classes`,
  );
  requireField(
    transfer.moved <= images,
    `${field}.transfer`,
    `counts ${transfer.moved} of ${images} images`,
  );
  requireField(Number.isFinite(loss), `${field}.loss`, "is not finite");
  for (const way of WAYS) {
    const { followed, moved } = way === "transfer" ? transfer : ways[way];
    requireField(followed <= moved, `${field}.${way}`, `counts ${followed} of ${moved} images`);
  }
  requireField(copies.kept <= copies.looked, `${field}.copies`, "keeps more than were looked at");
  // No more disturbances are sought than classes are compared.
  const most = images * MOST_DISTURBANCES;
  const counted = Math.max(ways.shortcuts.moved, ways.bends.moved, copies.looked);
  requireField(counted <= most, field, `counts ${counted} copies of ${images} images`);
}

/** Of 64 shortcuts and 64 bends at most, and the perturbation of J2.4 (SPEC D9.6). */
const MOST_DISTURBANCES = 129;

/** The two are of the same images under the same disturbances: what the teacher does is the same. */
function requireSameImages({
  candidate,
  last,
}: {
  readonly candidate: Examination;
  readonly last: Examination;
}): void {
  const same =
    candidate.images === last.images &&
    candidate.copies.looked === last.copies.looked &&
    WAYS.every((way) => candidate[way].moved === last[way].moved);
  requireField(same, "comparison", "is not of the same images on both sides");
}

function requireField(holds: boolean, field: string, what: string): void {
  if (holds) return;
  throw new ProtocolError("malformed-request", `the vote is not valid: ${field}: ${what}`, {
    errors: [{ path: field, message: what }],
  });
}
