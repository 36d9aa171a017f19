import { describe, expect, it } from "vitest";
import { augmentedBatch, drawPlacements } from "../../../client/distil/augment.ts";
import type { ImageSet } from "../../../client/images/image-set.ts";
import { normalisationTable, plainBatch } from "../../../client/distil/normalise.ts";
import { RandomStream } from "../../../protocol/random/random-stream.ts";
import type { Batch } from "../../../client/engine/engine.ts";
import { placedValues } from "../../../client/engine/step/place-images.ts";

const NORMALISATION = { mean: [0.5, 0.25], std: [0.5, 0.125] };

/** Three images of 2×3 with two channels; channel 0 counts up, channel 1 is 100 more. */
const images: ImageSet = {
  pixels: Uint8Array.from({ length: 3 * 2 * 3 * 2 }, (_, i) => (i >> 1) + 1 + (i & 1 ? 100 : 0)),
  count: 3,
  height: 2,
  width: 3,
  channels: 2,
};

const stream = (first: number): RandomStream => new RandomStream(new Uint8Array(16).fill(first));

/** A batch of these images as a network sees it. */
function seen(batch: Batch): Float32Array {
  return placedValues(batch, images);
}

/** Channel 0 of one image of a batch, back as pixels. */
function pixelsOf(values: Float32Array, image: number): number[] {
  return Array.from({ length: 6 }, (_, i) =>
    Math.round((values[(image * 6 + i) * 2]! * 0.5 + 0.5) * 255),
  );
}

describe("normalisation", () => {
  it("is (pixel/255 − mean)/std per channel", async () => {
    const batch = await plainBatch(images, [2, 0], NORMALISATION);
    const values = seen(batch);
    expect(batch.size).toBe(2);
    expect(values).toHaveLength(24);
    expect(values[0]).toBeCloseTo((13 / 255 - 0.5) / 0.5, 6);
    expect(values[1]).toBeCloseTo((113 / 255 - 0.25) / 0.125, 5);
    expect(pixelsOf(values, 1)).toEqual([1, 2, 3, 4, 5, 6]);
  });

  it("[N7] reads a pixel as 0 to 1, 0 to 255 or −1 to 1 before that", () => {
    const made = (["unit", "bytes", "symmetric"] as const).map((range) => {
      const table = normalisationTable({ mean: [1], std: [2], range }, 1);
      return [0, 51, 255].map((pixel) => table[pixel]);
    });
    expect(made).toEqual([
      [-0.5, Math.fround(-0.4), 0],
      [-0.5, 25, 127],
      [-1, Math.fround(-0.8), 0],
    ]);
  });

  it("refuses means that do not fit the channels, and a deviation of zero", () => {
    expect(() => normalisationTable({ mean: [0], std: [1] }, 3)).toThrow("3 channels");
    expect(() => normalisationTable({ mean: [0], std: [0] }, 1)).toThrow("not positive");
  });
});

describe("[D6.3] augmentation", () => {
  it("switched off changes nothing", async () => {
    const off = { cropPadding: 0, horizontalFlip: false };
    const batch = await augmentedBatch(images, [1, 2], NORMALISATION, off, stream(1));
    expect(seen(batch)).toEqual(seen(await plainBatch(images, [1, 2], NORMALISATION)));
  });

  it("crops from the image padded with zero pixels, then mirrors, then normalises", async () => {
    const augmentation = { cropPadding: 1, horizontalFlip: true };
    // Image 0 is 1 2 3 / 4 5 6; each placement of its 4×5 padded self, by hand.
    const byHand: Record<string, number[]> = {
      "0 0": [0, 0, 0, 0, 1, 2],
      "0 1": [0, 0, 0, 1, 2, 3],
      "0 2": [0, 0, 0, 2, 3, 0],
      "1 0": [0, 1, 2, 0, 4, 5],
      "1 1": [1, 2, 3, 4, 5, 6],
      "1 2": [2, 3, 0, 5, 6, 0],
      "2 0": [0, 4, 5, 0, 0, 0],
      "2 1": [4, 5, 6, 0, 0, 0],
      "2 2": [5, 6, 0, 0, 0, 0],
    };
    const count = 200;
    const indices = Array<number>(count).fill(0);
    const batch = await augmentedBatch(images, indices, NORMALISATION, augmentation, stream(7));
    const values = seen(batch);
    const draws = stream(7);
    const places = new Set<string>();
    for (let image = 0; image < count; image++) {
      // The order of draws is part of what a seed means.
      const top = draws.below(3);
      const left = draws.below(3);
      const flip = draws.below(2) === 1;
      const [a, b, c, d, e, f] = byHand[`${top} ${left}`]! as [
        number,
        number,
        number,
        number,
        number,
        number,
      ];
      expect(pixelsOf(values, image)).toEqual(flip ? [c, b, a, f, e, d] : [a, b, c, d, e, f]);
      places.add(`${top} ${left} ${flip}`);
    }
    expect(places.size).toBe(18);
  });

  it("pads with pixel zero, not with zero after normalisation", async () => {
    const augmentation = { cropPadding: 1, horizontalFlip: false };
    const indices = Array<number>(20).fill(0);
    const batch = await augmentedBatch(images, indices, NORMALISATION, augmentation, stream(3));
    const values = seen(batch);
    const top = indices.findIndex((_, image) => batch.placements[3 * image] === 0);
    expect(top).toBeGreaterThanOrEqual(0);
    expect(values[top * 12]).toBeCloseTo(-1, 6);
    expect(values[top * 12 + 1]).toBeCloseTo(-2, 6);
  });

  it("mirrors about half of the images", () => {
    const random = stream(9);
    const augmentation = { cropPadding: 0, horizontalFlip: true };
    const placements = drawPlacements(1000, augmentation, random);
    const flips = placements.reduce((sum, value) => sum + value, 0);
    // Four standard deviations (16) on either side.
    expect(Math.abs(flips - 500)).toBeLessThan(64);
  });
});
