import { subtleCrypto } from "../web-crypto.ts";
import { wordBytes, wordsOf, type WordBits, type Words } from "../vector/words.ts";

/** Bytes of a seed: a key of AES-256. */
export const SEED_BYTES = 32;

/** Longest piece that is masked at once, bytes: as many as a slice of 32-bit words has. */
const MOST_PIECE_BYTES = 2 ** 21;

/** What is encrypted: the stream itself comes out. */
const ZEROS = new Uint8Array(MOST_PIECE_BYTES);

const COUNTER_BITS = 64;

/**
 * Pseudo-random words of a seed, by pieces that can be had in any order: AES-256 in counter mode (NIST SP
 * 800-38A), the piece's index in the upper 32 bits of the counter block (SPEC M3).
 */
export interface Keystream {
  /** So many words of a piece. @throws RangeError for more than 2 MiB. */
  words(piece: number, bits: WordBits, count: number): Promise<Words>;
}

/**
 * The stream of a seed. A seed masks one update of one participant, never two.
 *
 * @param seed 32 bytes
 * @throws RangeError for a seed of another length.
 *
 * @example
 * const stream = await keystream(randomBytes(SEED_BYTES));
 * addWords(words, await stream.words(0, 16, words.length));
 */
export async function keystream(seed: Uint8Array<ArrayBuffer>): Promise<Keystream> {
  if (seed.length !== SEED_BYTES) {
    throw new RangeError(`a seed has ${SEED_BYTES} bytes, not ${seed.length}`);
  }
  const key = await subtleCrypto().importKey("raw", seed, { name: "AES-CTR" }, false, ["encrypt"]);
  return {
    words: async (piece, bits, count) => {
      const bytes = wordBytes(bits, count);
      if (bytes > MOST_PIECE_BYTES) {
        throw new RangeError(`a piece has at most ${MOST_PIECE_BYTES} bytes, not ${bytes}`);
      }
      const counter = new Uint8Array(16);
      new DataView(counter.buffer).setUint32(0, piece);
      const algorithm = { name: "AES-CTR", counter, length: COUNTER_BITS };
      const stream = await subtleCrypto().encrypt(algorithm, key, ZEROS.subarray(0, bytes));
      return wordsOf(bits, new Uint8Array(stream));
    },
  };
}
