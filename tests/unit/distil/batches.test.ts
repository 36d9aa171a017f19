import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ShuffledBatches } from "../../../client/distil/batches.ts";
import { RandomStream } from "../../../protocol/random/random-stream.ts";

const stream = (first: number): RandomStream => new RandomStream(new Uint8Array(16).fill(first));

describe("shuffled batches", () => {
  it("give every image once an epoch, whatever the batch size", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 40 }),
        fc.integer({ min: 1, max: 12 }),
        fc.integer({ min: 0, max: 255 }),
        (count, size, seed) => {
          const batches = new ShuffledBatches(count, stream(seed));
          const uses = new Map<number, number>();
          // As many batches as make whole epochs.
          for (let i = 0; i < count; i++) {
            const batch = batches.next(size);
            expect(batch).toHaveLength(size);
            for (const index of batch) {
              expect(index).toBeGreaterThanOrEqual(0);
              expect(index).toBeLessThan(count);
              uses.set(index, (uses.get(index) ?? 0) + 1);
            }
            const counts = [...Array(count).keys()].map((index) => uses.get(index) ?? 0);
            expect(Math.max(...counts) - Math.min(...counts)).toBeLessThanOrEqual(2);
          }
          expect([...uses.values()]).toEqual(Array(count).fill(size));
        },
      ),
    );
  });

  it("never repeat an image in a batch unless the pool is smaller than it", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 20 }),
        fc.integer({ min: 1, max: 20 }),
        (count, size) => {
          const batches = new ShuffledBatches(count, stream(5));
          for (let i = 0; i < 12; i++) {
            const batch = batches.next(size);
            const distinct = new Set(batch).size;
            expect(distinct).toBe(Math.min(count, size));
          }
        },
      ),
    );
  });

  it("come in another order each epoch, and the same one for the same seed", () => {
    const first = new ShuffledBatches(30, stream(1));
    const epochs = [first.next(30), first.next(30)];
    expect(epochs[0]).not.toEqual(epochs[1]);
    expect(new ShuffledBatches(30, stream(1)).next(30)).toEqual(epochs[0]);
    expect(new ShuffledBatches(30, stream(2)).next(30)).not.toEqual(epochs[0]);
  });

  it("refuse an empty pool", () => {
    expect(() => new ShuffledBatches(0, stream(1))).toThrow("a pool of 0 images");
  });
});
