import { hexToBytes, utf8ToBytes } from "@noble/hashes/utils.js";
import { canonicalJson } from "../../../protocol/canonical-json.ts";
import { sha256 } from "../../../protocol/digest.ts";
import { RandomStream, STREAM_SEED_BYTES } from "../../../protocol/random/random-stream.ts";
import type { AttemptId } from "../../blobs/update-objects.ts";
import type { AcceptedUpdate } from "../store/commit-store.ts";

/** Separates what is drawn here from any other use of a hash. */
const DOMAIN = "scour/aggregation/v1";

/**
 * What chance decides in a round is drawn from (SPEC O8.2): from what came, so that nobody knows it who
 * still has to send, and a coordinator that starts again draws the same.
 *
 * @returns 32 bytes in hexadecimal
 */
export function roundSeed(
  campaign: string,
  { round, attempt }: AttemptId,
  updates: readonly AcceptedUpdate[],
): string {
  const inputs = updates.map(({ participant, slices }) => ({ participant, slices: [...slices] }));
  return sha256(utf8ToBytes(DOMAIN + canonicalJson({ campaign, round, attempt, inputs })));
}

/** A permutation of 0 … count − 1, by the round's seed. */
export function drawnOrder(seed: string, count: number): readonly number[] {
  const order = Uint32Array.from({ length: count }, (_, i) => i);
  new RandomStream(hexToBytes(seed).subarray(0, STREAM_SEED_BYTES)).shuffle(order);
  return [...order];
}
