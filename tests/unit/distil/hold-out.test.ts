import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { holdOut } from "../../../client/distil/hold-out.ts";
import { RandomStream } from "../../../protocol/random/random-stream.ts";

const stream = (first: number): RandomStream => new RandomStream(new Uint8Array(16).fill(first));

describe("held-out images", () => {
  it("[J1] are min(images, ⌊share·n⌋) of the pool, the rest is trained on, none is in both", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 300 }),
        fc.integer({ min: 4, max: 40 }),
        fc.integer({ min: 1, max: 8 }),
        fc.integer({ min: 0, max: 255 }),
        (count, images, sixteenths, seed) => {
          const share = sixteenths / 16;
          const pool = holdOut(count, { heldOut: share, images }, stream(seed));
          const wanted = Math.min(images, Math.floor(share * count));
          expect(pool.heldOut).toHaveLength(wanted < 4 ? 0 : wanted);
          const all = [...pool.heldOut, ...pool.training].sort((a, b) => a - b);
          expect(all).toEqual(Array.from({ length: count }, (_, i) => i));
          const again = holdOut(count, { heldOut: share, images }, stream(seed));
          expect(again).toEqual(pool);
        },
      ),
    );
  });

  it("[J1] are others for another seed, and none where they would be fewer than four", () => {
    const judging = { heldOut: 0.1, images: 64 };
    const first = holdOut(200, judging, stream(1)).heldOut;
    expect(holdOut(200, judging, stream(2)).heldOut).not.toEqual(first);
    expect(holdOut(39, judging, stream(3)).heldOut).toHaveLength(0);
    // The share of campaigns from before there were scores (SPEC C1).
    const never = { heldOut: Number.MIN_VALUE, images: 64 };
    expect(holdOut(1_000_000, never, stream(1)).heldOut).toHaveLength(0);
  });

  it("[D9.7.2] leave the others in a random order, even where there are none", () => {
    for (const heldOut of [0.01, 0.1]) {
      const { training } = holdOut(100, { heldOut, images: 64 }, stream(4));
      // Sorted by class, as folders are: ten of each.
      const first = [...training.subarray(0, 25)].map((index) => Math.floor(index / 10));
      expect(new Set(first).size).toBeGreaterThan(6);
    }
  });
});
