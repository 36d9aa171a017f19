import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { channelRatios, outlierChannels } from "../../../../protocol/reinit/channel-ratios.ts";

/** Of float32 weights no score but 0 lies below 1e-110, so that squares of differences do not vanish. */
const score = fc.oneof(fc.constant(0), fc.double({ min: 1e-100, max: 1e6, noNaN: true }));
const scores = fc.array(score, { minLength: 2, maxLength: 40 });

describe("outlierChannels", () => {
  it("[I8.3] finds what lies beyond so many standard deviations, of n − 1, above the mean", () => {
    // Mean 2, standard deviation √(110/10): the last lies 10/√11 = 3.015 of them above.
    const layer = [1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 12];
    expect(outlierChannels(layer, 3)).toEqual([10]);
    expect(outlierChannels(layer, 3.02)).toEqual([]);
    expect(outlierChannels(layer, 0)).toEqual([]);
    expect(outlierChannels([0, ...layer.toReversed()], 2.5)).toEqual([1]);
  });

  it("[I8.3] finds none among equal scores, nor in a layer of one channel", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 60 }), score, (n, equal) => {
        const layer = Array.from({ length: n }, () => equal);
        expect(outlierChannels(layer, 1)).toEqual([]);
      }),
    );
  });

  it("[I8.3] finds nothing beyond (n − 1)/√n, whatever the scores", () => {
    fc.assert(
      fc.property(scores, (layer) => {
        const most = (layer.length - 1) / Math.sqrt(layer.length);
        expect(outlierChannels(layer, most + 1e-6)).toEqual([]);
      }),
    );
  });
});

describe("channelRatios", () => {
  it("[I8.2] keeps the layer's mean ratio while no channel reaches 1", () => {
    fc.assert(
      fc.property(scores, (layer) => {
        const ratios = channelRatios(1e-3, layer, 0);
        const mean = ratios.reduce((sum, ratio) => sum + ratio, 0) / ratios.length;
        expect(mean).toBeCloseTo(1e-3, 12);
      }),
    );
  });

  it("[I8.2] is in proportion to the scores, at most 1", () => {
    expect(channelRatios(0.5, [1, 2, 3], 0)).toEqual([0.25, 0.5, 0.75]);
    expect(channelRatios(2, [1, 2, 6], 0)).toEqual([2 / 3, 1, 1]);
    expect(channelRatios(0, [1, 2, 6], 0)).toEqual([0, 0, 0]);
  });

  it("[I8.3] re-initialises outliers whole even at ratio 0", () => {
    const layer = [...Array.from({ length: 20 }, (_, i) => i % 2), 50];
    const ratios = channelRatios(0, layer, 3);
    expect(ratios.indexOf(1)).toBe(20);
    expect(ratios.filter((ratio) => ratio !== 0)).toEqual([1]);
  });

  it("[I8.2] treats channels alike where every score is 0", () => {
    expect(channelRatios(0.25, [0, 0], 3)).toEqual([0.25, 0.25]);
    expect(channelRatios(7, [0, 0], 3)).toEqual([1, 1]);
  });
});
