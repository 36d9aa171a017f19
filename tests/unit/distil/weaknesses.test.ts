import { describe, expect, it } from "vitest";
import { NO_WEAKNESSES, WeaknessSearch } from "../../../client/distil/weaknesses.ts";
import { adversarySchema } from "../../../protocol/round/adversary.ts";
import { LinearSession } from "./linear-session.ts";

const SHAPE = { height: 4, width: 4, channels: 1 };
const POOL = {
  images: { pixels: new Uint8Array(8 * 16).fill(128), count: 8, ...SHAPE },
  indices: Uint32Array.from({ length: 8 }, (_, i) => i),
  normalisation: { mean: [128 / 255], std: [0.25] },
  batchSize: 8,
};

/** Answers class 0 of two, which one pixel's brightness changes, if that is more than `bias`. */
function teacher(bias: number): LinearSession {
  const slopes = Array.from({ length: 16 }, (_, i) => (i === 5 ? 1 : 0));
  return new LinearSession(SHAPE, Float32Array.from([...new Float32Array(16), ...slopes, bias, 0]));
}

function search(changes: object, bias = 0.1): WeaknessSearch {
  return new WeaknessSearch(teacher(bias), POOL, adversarySchema.parse(changes), 2);
}

describe("what misleads the teacher", () => {
  it("[D9] is sought as far as the adversary wants it", async () => {
    const both = await search({ waves: { periods: 2 } }).find();
    expect(both.shortcuts).toHaveLength(1);
    expect(both.heatMap?.waves).toHaveLength(6);
    const ways = await search({ waves: null }).find();
    expect(ways.heatMap).toBeUndefined();
    expect(ways.shortcuts).toEqual(both.shortcuts);
    const waves = await search({ shortcuts: null, waves: { periods: 2 } }).find();
    // What bends images leads nowhere here.
    const { bend } = both;
    expect(bend).toEqual({ class: 1, reach: 0 });
    expect(waves).toEqual({ ...NO_WEAKNESSES, bend, heatMap: both.heatMap });
    const none = { shortcuts: null, heatMap: null, bends: null };
    expect(await search(none).find()).toEqual(NO_WEAKNESSES);
  });

  it("[D9.6.3] has no heat map where waves lead nowhere", async () => {
    expect((await search({ waves: { periods: 2 } }, 50).find()).heatMap).toBeUndefined();
  });

  it("tells how much of it is done, over all", async () => {
    const passes: [number, number][] = [];
    const onPass = (done: number, total: number): void => void passes.push([done, total]);
    const both = search({ waves: { periods: 2 } });
    await both.find({ onPass });
    // Two classes at two lengths, of what is added and of what bends; of each all images have one. Then
    // rows of no, one and two periods down.
    expect(passes).toEqual([1, 2, 5, 6, 9, 10, 11].map((done) => [done, 11]));
    await both.find({ onPass });
    expect(passes).toHaveLength(7);
  });
});
