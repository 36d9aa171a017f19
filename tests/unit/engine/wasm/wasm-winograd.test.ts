import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { ConvGeometry } from "../../../../client/engine/program/kernels/convolution.ts";
import { suitsWinograd } from "../../../../client/engine/wasm/plan/plan-winograd.ts";
import { bandsOf, tileRowsOf } from "../../../../client/engine/wasm/plan/winograd-tiles.ts";
import { PLACES, type Place, type Sizes } from "../numerics/places.ts";
import { EnginesAlike } from "./engines-alike.ts";

const GEOMETRY: ConvGeometry = {
  images: 2,
  inputHeight: 8,
  inputWidth: 8,
  channelsIn: 64,
  outputHeight: 8,
  outputWidth: 8,
  channelsOut: 64,
  kernelHeight: 3,
  kernelWidth: 3,
  stride: [1, 1],
  padding: [1, 1],
  dilation: [1, 1],
  groups: 1,
  weightOrder: "in-out",
};

function placeOf(title: string): Place {
  return PLACES.find((place) => place.title === title)!;
}

/** Convolutions 3×3 of stride 1 on values stored, normalised and added to. */
const PLACES_OF_CONVOLUTIONS = [
  placeOf("a convolution of rectified values, rectified"),
  placeOf("convolution, norm, rectifier, and again"),
  placeOf("a residual block with an identity shortcut"),
  placeOf("a sum of two convolutions, rectified"),
  placeOf("a rectified norm read by two convolutions and a sum"),
];

const SIZES = {
  imageChannels: 3,
  kernel: 3,
  stride: 1,
  padding: 1,
  grouping: 1,
  classes: 5,
} as const;

const WIDE_ENOUGH = fc.constantFrom(32, 33, 34, 35, 36, 61);

/** Images whose tiles hang over the edge or do not, of one band of tiles or several. */
const sizes: fc.Arbitrary<Sizes> = fc.record({
  height: fc.integer({ min: 1, max: 21 }),
  width: fc.integer({ min: 1, max: 21 }),
  imageChannels: fc.constant(3),
  stemChannels: WIDE_ENOUGH,
  channels: WIDE_ENOUGH,
  kernel: fc.constant(3 as const),
  stride: fc.constant(1 as const),
  padding: fc.constantFrom(0, 1, 2),
  grouping: fc.constant(1),
  classes: fc.constant(5),
  norm: fc.constantFrom([1, 2] as const, [2, 1] as const, [3, 1] as const),
  seed: fc.noShrink(fc.nat()),
});

describe("convolutions with fewer products", () => {
  const engines = new EnginesAlike();
  beforeAll(() => engines.open());
  afterAll(() => engines.close());

  it("give the reference's logits and gradient, the same bits for any threads and pieces", async () => {
    const anywhere = fc.tuple(fc.constantFrom(...PLACES_OF_CONVOLUTIONS), sizes);
    await fc.assert(
      fc.asyncProperty(anywhere, ([place, drawn]) => engines.compare(place, drawn)),
      { seed: 20261122, numRuns: 10, endOnFailure: true },
    );
  });

  it("sum long rows of channels and slices of them like the reference", async () => {
    const [place] = PLACES_OF_CONVOLUTIONS.slice(1);
    const sums = { stemChannels: 288, channels: 128, norm: [2, 1], seed: 5 } as const;
    await engines.compare(place!, { ...SIZES, ...sums, height: 4, width: 3 });
  });

  it("are those of 3×3, stride 1 and many channels, whatever the batch", () => {
    expect(suitsWinograd(GEOMETRY, "forward")).toBe(true);
    expect(suitsWinograd({ ...GEOMETRY, images: 1 }, "forward")).toBe(true);
    const others: Partial<ConvGeometry>[] = [
      { kernelWidth: 1 },
      { stride: [2, 1] },
      { padding: [1, 3] },
      { dilation: [1, 2] },
      { groups: 2 },
      { channelsIn: 3 },
      { channelsOut: 8 },
    ];
    for (const other of others) {
      expect(suitsWinograd({ ...GEOMETRY, ...other }, "forward")).toBe(false);
      expect(suitsWinograd({ ...GEOMETRY, ...other }, "gradient")).toBe(false);
    }
  });

  it("cut images into bands that cover each row of tiles once", () => {
    const extents = fc.integer({ min: 1, max: 60 });
    fc.assert(
      fc.property(extents, extents, fc.integer({ min: 1, max: 300 }), (height, width, most) => {
        const bands = bandsOf(height, width, most);
        const rows = Array.from({ length: bands.count }, (_, band) =>
          tileRowsOf(bands, height, band),
        );
        expect(Math.min(...rows)).toBeGreaterThan(0);
        expect(Math.max(...rows)).toBe(bands.tileRows);
        expect(rows.reduce((sum, count) => sum + count, 0)).toBe(Math.ceil(height / 2));
        if (bands.tileRows > 1) {
          expect(bands.tileRows * bands.tilesWide).toBeLessThanOrEqual(most);
        }
      }),
    );
  });
});
