import { utf8ToBytes } from "@noble/hashes/utils.js";
import { canonicalJson } from "../canonical-json.ts";
import { sha256, type Digest } from "../digest.ts";
import type { CommitRequest } from "./assignment.ts";
import type { VoteRequest } from "./trial/examination.ts";

/** How far the time in a renewal may be from the coordinator's, either way, ms (SPEC A6). */
export const RENEWAL_WINDOW_MS = 300_000;

/** Who asks for a new credential, and when, ms since the epoch. */
export interface Renewal {
  readonly campaign: string;
  readonly participant: string;
  readonly time: number;
}

/** Which commit is signed. */
export interface SignedCommit {
  readonly campaign: string;
  readonly participant: string;
  readonly round: number;
  readonly attempt: number;
  /** Of `commitDigest`. */
  readonly commit: string;
}

/** Lines of text as the bytes that are signed; no part can hold a line feed. */
function lines(parts: readonly (string | number)[]): Uint8Array<ArrayBuffer> {
  return utf8ToBytes(parts.join("\n")) as Uint8Array<ArrayBuffer>;
}

/** What a participant signs to have its credential renewed (SPEC A6). */
export function renewalBytes({ campaign, participant, time }: Renewal): Uint8Array<ArrayBuffer> {
  return lines(["scour/renew/v1", campaign, participant, time]);
}

/**
 * Digest of a commit as its participant signs it: of its canonical JSON (RFC 8785) without the
 * signature, and without scores where there are none (SPEC A7).
 */
export function commitDigest(request: Omit<CommitRequest, "signature">): Digest {
  return sha256(utf8ToBytes(commitText(request)));
}

/** A commit as canonical JSON, as it is kept and compared with its repetition. */
export function commitText(request: CommitRequest): string {
  return canonicalJson({
    ...request,
    signature: undefined,
    scores: request.scores ?? undefined,
  });
}

/** What a participant signs with a commit (SPEC A7). */
export function commitBytes(signed: SignedCommit): Uint8Array<ArrayBuffer> {
  const { attempt, campaign, commit, participant, round } = signed;
  return lines(["scour/commit/v1", campaign, participant, round, attempt, commit]);
}

/** Which vote is signed. */
export interface SignedVote extends Omit<SignedCommit, "commit"> {
  /** Of `voteDigest`. */
  readonly vote: string;
}

/** Digest of a vote as its participant signs it: of its canonical JSON without the signature (SPEC K3.4). */
export function voteDigest(request: VoteRequest): Digest {
  return sha256(utf8ToBytes(voteText(request)));
}

/** A vote as canonical JSON, as it is kept and compared with its repetition. */
export function voteText(request: VoteRequest): string {
  return canonicalJson({ ...request, signature: undefined });
}

/** What a participant signs with a vote (SPEC K3.4). */
export function voteBytes(signed: SignedVote): Uint8Array<ArrayBuffer> {
  const { attempt, campaign, participant, round, vote } = signed;
  return lines(["scour/vote/v1", campaign, participant, round, attempt, vote]);
}
