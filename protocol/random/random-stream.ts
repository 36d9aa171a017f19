import { philox4x32 } from "./philox.ts";

/** Bytes a seed has. */
export const STREAM_SEED_BYTES = 16;

const TWO_32 = 4_294_967_296;

/**
 * A stream of random numbers from a seed, for shuffling and augmentation: Philox4x32-10 over a
 * running counter. Equal seeds give equal streams on every engine.
 */
export class RandomStream {
  readonly #key: readonly [number, number];
  readonly #high: readonly [number, number];
  readonly #words = new Uint32Array(4);
  #counter = 0;
  #used = 4;

  /**
   * @param seed 16 bytes: the generator's key and half of its counter.
   * @throws RangeError for a seed of another length.
   *
   * @example
   * const random = new RandomStream(crypto.getRandomValues(new Uint8Array(STREAM_SEED_BYTES)));
   */
  constructor(seed: Uint8Array) {
    if (seed.length !== STREAM_SEED_BYTES) {
      throw new RangeError(`a seed has ${STREAM_SEED_BYTES} bytes, this one has ${seed.length}`);
    }
    const view = new DataView(seed.buffer, seed.byteOffset, seed.length);
    this.#key = [view.getUint32(0, true), view.getUint32(4, true)];
    this.#high = [view.getUint32(8, true), view.getUint32(12, true)];
  }

  /** 32 random bits, as an integer in [0, 2³²). */
  word(): number {
    if (this.#used === 4) {
      const [high0, high1] = this.#high;
      const [key0, key1] = this.#key;
      const upper = Math.floor(this.#counter / TWO_32);
      philox4x32(this.#words, this.#counter, upper ^ high0, high1, 0, key0, key1);
      this.#counter++;
      this.#used = 0;
    }
    return this.#words[this.#used++]!;
  }

  /** A uniform integer in [0, bound), bound ≤ 2³²; without the bias of a plain remainder. */
  below(bound: number): number {
    const limit = TWO_32 - (TWO_32 % bound);
    for (;;) {
      const word = this.word();
      if (word < limit) return word % bound;
    }
  }

  /** An index, in proportion to its weight; weights ≥ 0, not all of them 0. */
  weighted(weights: readonly number[]): number {
    let left = this.uniform() * weights.reduce((sum, weight) => sum + weight, 0);
    const chosen = weights.findIndex((weight) => (left -= weight) < 0);
    // What rounding leaves over falls to the last that has any.
    return chosen === -1 ? weights.findLastIndex((weight) => weight > 0) : chosen;
  }

  /** A uniform number in (0, 1), one of 2³² evenly spaced ones. */
  uniform(): number {
    return (this.word() + 0.5) / TWO_32;
  }

  /**
   * A stream of its own, seeded by the next four words of this one: what it draws changes nothing
   * of what follows here.
   */
  split(): RandomStream {
    const seed = new DataView(new ArrayBuffer(STREAM_SEED_BYTES));
    for (let at = 0; at < STREAM_SEED_BYTES; at += 4) seed.setUint32(at, this.word(), true);
    return new RandomStream(new Uint8Array(seed.buffer));
  }

  /** Shuffles in place (Fisher–Yates). */
  shuffle(values: Uint32Array): void {
    for (let last = values.length - 1; last > 0; last--) {
      const other = this.below(last + 1);
      const held = values[last]!;
      values[last] = values[other]!;
      values[other] = held;
    }
  }
}
