import { sha256 } from "@noble/hashes/sha2.js";
import { concatBytes, utf8ToBytes } from "@noble/hashes/utils.js";
import { philox4x32 } from "./philox.ts";

/** Separates these bits from any other use of the seed; its last part is the version. */
const DOMAIN = "scour/reinit/v1";

const SEED_BYTES = 32;

const TWO_32 = 4_294_967_296;

/** Random words for every element of one tensor, each a function of seed, name and element alone. */
export interface RandomField {
  /** Writes the element's four words into `out`. */
  words(out: Uint32Array, element: number): void;
}

/**
 * The random field of one tensor (SPEC I2): a Philox key and half a counter from a hash of seed and
 * name, the other half of the counter from the element's index in the flattened tensor.
 *
 * @param seed 32 bytes
 * @throws RangeError for a seed of another length.
 */
export function randomField(seed: Uint8Array, name: string): RandomField {
  if (seed.length !== SEED_BYTES) {
    throw new RangeError(`a seed has ${SEED_BYTES} bytes, this one has ${seed.length}`);
  }
  const hash = sha256(concatBytes(utf8ToBytes(DOMAIN), Uint8Array.of(0), seed, utf8ToBytes(name)));
  const view = new DataView(hash.buffer, hash.byteOffset, hash.length);
  const key0 = view.getUint32(0, true);
  const key1 = view.getUint32(4, true);
  const counter2 = view.getUint32(8, true);
  const counter3 = view.getUint32(12, true);
  return {
    words: (out, element) =>
      philox4x32(out, element, Math.floor(element / TWO_32), counter2, counter3, key0, key1),
  };
}
