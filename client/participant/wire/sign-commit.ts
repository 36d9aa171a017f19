import type { CommitRequest } from "../../../protocol/round/assignment.ts";
import {
  commitBytes,
  commitDigest,
  voteBytes,
  voteDigest,
} from "../../../protocol/round/signing.ts";
import type { VoteRequest } from "../../../protocol/round/trial/examination.ts";
import type { Attempt } from "./coordinator-client.ts";
import type { Identity } from "./identity.ts";
import { signBytes } from "./signing-key.ts";
import type { PendingUpdate } from "./upload.ts";

/** The request that closes an update, signed (SPEC A7); as it is by one who has no key. */
export async function signCommit(
  { attempt, request, round }: PendingUpdate,
  { campaign, key, participant }: Identity,
): Promise<CommitRequest> {
  if (key === undefined) return request;
  const commit = commitDigest(request);
  const bytes = commitBytes({ campaign, participant, round, attempt, commit });
  return { ...request, signature: await signBytes(key, bytes) };
}

/** A vote, signed (SPEC K3.4); as it is by one who has no key. */
export async function signVote(
  { attempt, round }: Attempt,
  request: VoteRequest,
  { campaign, key, participant }: Identity,
): Promise<VoteRequest> {
  if (key === undefined) return request;
  const vote = voteDigest(request);
  const bytes = voteBytes({ campaign, participant, round, attempt, vote });
  return { ...request, signature: await signBytes(key, bytes) };
}
