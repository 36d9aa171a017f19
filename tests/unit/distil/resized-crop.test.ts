import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { drawPlacements, placedBatch, readCropped } from "../../../client/distil/augment.ts";
import { cropImages, drawCrop } from "../../../client/distil/resized-crop.ts";
import { augmentationFor } from "../../../protocol/round/augmentation.ts";
import { RandomStream } from "../../../protocol/random/random-stream.ts";

const stream = (first: number): RandomStream => new RandomStream(new Uint8Array(16).fill(first));
const square = (size: number) => ({ height: size, width: size, channels: 3 });

describe("[D6.1] a resized crop", () => {
  it("lies within the image, at every share of its area and in every proportion", () => {
    fc.assert(
      fc.property(fc.nat(255), fc.integer({ min: 16, max: 256 }), (seed, size) => {
        const crop = drawCrop(square(size), 0.25, stream(seed));
        const { height, left, top, width } = crop;
        expect(top >= 0 && left >= 0 && top + height <= size && left + width <= size).toBe(true);
        // Sides are rounded, and no longer than the image's.
        expect(height * width).toBeGreaterThan(0.25 * size * size - size);
        expect(Math.max(height, width) / Math.min(height, width)).toBeLessThan(4 / 3 + 4 / size);
      }),
    );
  });

  it("is drawn by area, proportion, row, column, the batch's before any place of a padded one", async () => {
    const shape = square(16);
    const images = { ...shape, count: 3, pixels: new Uint8Array(3 * 768).map((_, i) => i % 251) };
    const augmentation = { cropPadding: 2, resizedCrop: 0.5, horizontalFlip: true };
    const random = stream(7);
    const pixels = await readCropped(images, [2, 0], augmentation, random);
    const batch = placedBatch(
      shape,
      pixels,
      { mean: [0, 0, 0], std: [1, 1, 1] },
      augmentation,
      random,
    );

    const draws = stream(7);
    const crops = [0, 1].map(() => {
      const area = 0.5 + 0.5 * draws.uniform();
      const aspect = (4 / 3) ** (2 * draws.uniform() - 1);
      const height = Math.min(16, Math.round(16 * Math.sqrt(area / aspect)));
      const width = Math.min(16, Math.round(16 * Math.sqrt(area * aspect)));
      return { height, width, top: draws.below(17 - height), left: draws.below(17 - width) };
    });
    const chosen = Uint8Array.of(...images.pixels.slice(1536), ...images.pixels.slice(0, 768));
    expect(batch.pixels).toEqual(cropImages(shape, chosen, crops));
    expect(batch.placements).toEqual(drawPlacements(2, augmentation, draws));
  });
});

describe("[D6.2] what is cropped", () => {
  it("is brought back to size between its own pixels, rounded once", () => {
    const pixels = Uint8Array.from({ length: 16 }, (_, i) => 10 * i);
    const shape = { height: 4, width: 4, channels: 1 };
    // Rows 1 and 2, columns 1 and 2: 50 60 / 90 100.
    const crop = { top: 1, left: 1, height: 2, width: 2 };
    expect([...cropImages(shape, pixels, [crop])]).toEqual([
      50, 53, 58, 60, 60, 63, 68, 70, 80, 83, 88, 90, 90, 93, 98, 100,
    ]);
  });

  it("is the image itself where the crop is all of it", () => {
    const shape = { height: 5, width: 4, channels: 3 };
    const pixels = Uint8Array.from({ length: 120 }, (_, i) => (i * 37) % 256);
    const whole = { top: 0, left: 0, height: 5, width: 4 };
    expect(cropImages(shape, pixels, [whole, whole])).toEqual(pixels);
  });
});

describe("[D6.4] augmentation that is left out", () => {
  it.each([
    [32, {}, { cropPadding: 4, resizedCrop: null }],
    [48, {}, { cropPadding: 6, resizedCrop: null }],
    [64, {}, { cropPadding: 0, resizedCrop: 0.5 }],
    [224, {}, { cropPadding: 0, resizedCrop: 0.5 }],
    [224, { resizedCrop: null }, { cropPadding: 28, resizedCrop: null }],
    [224, { cropPadding: 8 }, { cropPadding: 8, resizedCrop: null }],
    [224, { cropPadding: 0 }, { cropPadding: 0, resizedCrop: 0.5 }],
    [32, { resizedCrop: 0.25 }, { cropPadding: 0, resizedCrop: 0.25 }],
    [32, { cropPadding: 2, resizedCrop: 0.25 }, { cropPadding: 2, resizedCrop: 0.25 }],
  ])("of images of %d pixels with %o is %o", (size, given, filled) => {
    const augmentation = augmentationFor({ horizontalFlip: false, ...given }, square(size));
    expect(augmentation).toEqual({ horizontalFlip: false, ...filled });
  });
});
