import { describe, expect, it } from "vitest";
import { setAside } from "../../bench/depth/retuned.ts";
import { seededStream } from "../../../client/demo/draw-images.ts";

/** Images of one pixel whose value is their index. */
const images = (count: number) => ({
  pixels: Uint8Array.from({ length: count }, (_, index) => index),
  count,
  height: 1,
  width: 1,
  channels: 1,
});

describe("stamped images to retune by", () => {
  const labels = [0, 1, 2, 0, 1, 2, 0, 1];
  const split = (seed: number) =>
    setAside({ images: images(8), labels, target: 0 }, 3, seededStream(seed));

  it("are none whose true class the attacker wants anyway", () => {
    for (const seed of [1, 2, 3]) {
      const { shown } = split(seed);
      expect(shown.labels).toHaveLength(3);
      expect(Array.from(shown.labels)).not.toContain(0);
    }
  });

  it("are not among those that are judged by, which are all others with their labels", () => {
    const { kept, shown } = split(4);
    const all = [...shown.images.pixels, ...kept.images.pixels];
    expect(all.toSorted((a, b) => a - b)).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
    expect(Array.from(kept.labels)).toEqual([...kept.images.pixels].map((index) => labels[index]));
  });

  it("are others by another seed", () => {
    const drawn = [1, 2, 3, 4, 5, 6].map((seed) => [...split(seed).shown.images.pixels].join());
    expect(new Set(drawn).size).toBeGreaterThan(1);
  });
});
