import type { CommitRequest } from "../../../protocol/round/assignment.ts";
import { commitBytes, commitDigest } from "../../../protocol/round/signing.ts";
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
