import type { RandomStream } from "../../protocol/random/random-stream.ts";

/**
 * The order in which a participant goes through its own images: shuffled anew each local epoch,
 * without replacement. Lives as long as the participant, so that rounds shorter than an epoch see
 * all images in turn.
 */
export class ShuffledBatches {
  readonly #order: Uint32Array;
  readonly #random: RandomStream;
  #position: number;

  /**
   * @param pool number of images, or the indices of those that may be used
   * @throws RangeError for an empty pool.
   */
  constructor(pool: number | Uint32Array, random: RandomStream) {
    const count = typeof pool === "number" ? pool : pool.length;
    if (!Number.isInteger(count) || count < 1) {
      throw new RangeError(`a pool of ${count} images gives no batches`);
    }
    this.#order =
      typeof pool === "number" ? Uint32Array.from({ length: pool }, (_, i) => i) : pool.slice();
    this.#random = random;
    this.#position = count;
  }

  /**
   * Indices of the next batch. A batch may span the end of an epoch; it holds no image twice unless
   * the pool is smaller than the batch.
   *
   * @example
   * const batches = new ShuffledBatches(images.count, random);
   * const batch = await augmentedBatch(images, batches.next(64), normalisation, augmentation, random);
   */
  next(size: number): number[] {
    const batch: number[] = [];
    const taken = new Set<number>();
    while (batch.length < size) {
      if (this.#position === this.#order.length) {
        this.#random.shuffle(this.#order);
        this.#position = 0;
      }
      // Every image is in the batch already: the pool is smaller than the batch.
      if (taken.size === this.#order.length) taken.clear();
      const index = this.#takeOtherThan(taken);
      taken.add(index);
      batch.push(index);
    }
    return batch;
  }

  /**
   * The epoch's next image that is not `taken`; those passed over stay for later in the epoch.
   * There is one: were all that remain taken, they and those this epoch gave would be the pool.
   */
  #takeOtherThan(taken: ReadonlySet<number>): number {
    const order = this.#order;
    let found = this.#position;
    while (taken.has(order[found]!)) found++;
    const chosen = order[found]!;
    order[found] = order[this.#position]!;
    order[this.#position++] = chosen;
    return chosen;
  }
}
