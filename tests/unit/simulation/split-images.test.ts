import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { seededStream } from "../../../client/demo/draw-images.ts";
import { splitImages } from "../../../client/simulation/split-images.ts";

describe("splitImages", () => {
  it("deals every image out once, in shares that differ by one at most", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 60 }),
        fc.integer({ min: 1, max: 9 }),
        fc.nat(),
        (count, participants, seed) => {
          fc.pre(count >= participants);
          const pool = {
            pixels: Uint8Array.from({ length: count }, (_, i) => i),
            count,
            height: 1,
            width: 1,
            channels: 1,
          };
          const shares = splitImages(pool, participants, seededStream(seed));
          const sizes = shares.map((share) => share.count);
          expect(Math.max(...sizes) - Math.min(...sizes)).toBeLessThanOrEqual(1);
          const dealt = shares.flatMap((share) => Array.from(share.pixels)).sort((a, b) => a - b);
          expect(dealt).toEqual([...pool.pixels]);
        },
      ),
    );
  });

  it("depends on the seed alone", () => {
    const pool = {
      pixels: Uint8Array.from({ length: 30 }, (_, i) => i),
      count: 30,
      height: 1,
      width: 1,
      channels: 1,
    };
    const first = splitImages(pool, 3, seededStream(4));
    expect(splitImages(pool, 3, seededStream(4))).toEqual(first);
    expect(splitImages(pool, 3, seededStream(5))).not.toEqual(first);
  });

  it("refuses more participants than images", () => {
    const pool = { pixels: new Uint8Array(2), count: 2, height: 1, width: 1, channels: 1 };
    expect(() => splitImages(pool, 3, seededStream(1))).toThrow(/2 images .* 3 participants/);
  });
});
