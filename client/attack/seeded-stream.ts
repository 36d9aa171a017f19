import { hexToBytes, utf8ToBytes } from "@noble/hashes/utils.js";
import { sha256 } from "../../protocol/digest.ts";
import { RandomStream, STREAM_SEED_BYTES } from "../../protocol/random/random-stream.ts";

/**
 * 32 bytes for one purpose of an attack's seed. Purposes do not share a stream, so that, say, more
 * poisoned images change nothing of the trigger.
 */
export function purposeSeed(seed: number, purpose: string): Uint8Array {
  return hexToBytes(sha256(utf8ToBytes(`scour attack ${seed} ${purpose}`)));
}

/**
 * The random stream of one purpose of an attack's seed.
 *
 * @example
 * const random = purposeStream(7, "poisoned images");
 */
export function purposeStream(seed: number, purpose: string): RandomStream {
  return new RandomStream(purposeSeed(seed, purpose).subarray(0, STREAM_SEED_BYTES));
}
