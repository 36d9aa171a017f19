import { sha256 } from "@noble/hashes/sha2.js";
import { concatBytes, utf8ToBytes } from "@noble/hashes/utils.js";
import { philox4x32 } from "./philox.ts";

/** Gives one number a call, uniform in [0, 1). */
export type UniformSource = () => number;

const DOMAIN = "scour/rounding/v1";

const TWO_32 = 4_294_967_296;

/**
 * A seeded source for stochastic rounding: Philox4x32-10 in counter mode, one 32-bit word a number,
 * (word + ½)·2⁻³².
 *
 * @param seed any bytes; a participant draws them afresh for every update
 * @param stream tells sources of one seed apart, such as `slice 3`
 *
 * @example
 * const random = uniformSource(crypto.getRandomValues(new Uint8Array(32)), "slice 3");
 */
export function uniformSource(seed: Uint8Array, stream: string): UniformSource {
  const hash = sha256(
    concatBytes(utf8ToBytes(DOMAIN), Uint8Array.of(0), sha256(seed), utf8ToBytes(stream)),
  );
  const view = new DataView(hash.buffer, hash.byteOffset, hash.length);
  const key0 = view.getUint32(0, true);
  const key1 = view.getUint32(4, true);
  const counter2 = view.getUint32(8, true);
  const counter3 = view.getUint32(12, true);
  const words = new Uint32Array(4);
  let drawn = 0;
  return () => {
    const word = drawn % 4;
    if (word === 0) {
      const block = drawn / 4;
      philox4x32(words, block, Math.floor(block / TWO_32), counter2, counter3, key0, key1);
    }
    drawn++;
    return (words[word]! + 0.5) / TWO_32;
  };
}
