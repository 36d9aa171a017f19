import { describe, expect, it } from "vitest";
import { HeatMapSearch, latticeOf } from "../../../client/distil/heat-map.ts";
import { LinearSession } from "./linear-session.ts";

const SHAPE = { height: 12, width: 8, channels: 1 };
const VALUES = 96;
const COUNT = 20;
const WAVES = { radius: 0.4, periods: 3 };
const HEAT_MAP = { share: 0.5, radius: 0.5, images: 6 };

const POOL = {
  images: {
    pixels: Uint8Array.from({ length: COUNT * VALUES }, (_, i) => 127 + (i % 3)),
    count: COUNT,
    ...SHAPE,
  },
  indices: Uint32Array.from({ length: COUNT }, (_, i) => i),
  normalisation: { mean: [128 / 255], std: [0.25] },
  batchSize: 4,
};

/** sin(2π·(down·r/12 + right·c/8)) */
function wave(down: number, right: number): number[] {
  return Array.from({ length: VALUES }, (_, i) =>
    Math.sin(2 * Math.PI * ((down * Math.floor(i / 8)) / 12 + (right * (i % 8)) / 8)),
  );
}

/** Answers class 0; one wave leads to class 1, another half as strongly to class 2. */
function teacher(answers = [5, 0, 0]): LinearSession {
  const rows = [
    Array.from({ length: VALUES }, () => 0),
    wave(1, 2),
    wave(3, 0).map((value) => value / 2),
  ];
  return new LinearSession(SHAPE, Float32Array.from([...rows.flat(), ...answers]));
}

describe("the frequencies asked about", () => {
  it("[D9.6.1] are a lattice of half of all directions, at most `periods` periods each", () => {
    const { spacing, rows } = latticeOf(10);
    expect(spacing).toBe(1);
    expect(rows).toHaveLength(11);
    const all = rows.flat();
    expect(all).toHaveLength(158);
    const names = all.flatMap(({ down, right }) => [`${down} ${right}`, `${-down} ${-right}`]);
    expect(new Set(names.map((name) => name.replaceAll("-0", "0"))).size).toBe(2 * 158);
    for (const { down, right } of all) {
      expect(Math.hypot(down, right)).toBeLessThanOrEqual(10);
      expect(Math.hypot(down, right)).toBeGreaterThanOrEqual(1);
    }
  });

  it("[D9.6.1] are no more of them where there are more periods, and fewer where there are fewer", () => {
    expect(latticeOf(25)).toMatchObject({ spacing: 2.5 });
    expect(latticeOf(25).rows.flat()).toHaveLength(158);
    expect(latticeOf(1).rows).toEqual([[{ down: 0, right: 1 }], [{ down: 1, right: 0 }]]);
    expect(latticeOf(2.9).rows.flat()).toHaveLength(6);
  });
});

describe("a heat map", () => {
  it("[D9.6.2] tells how far each wave leads the teacher to one class", async () => {
    const { waves, spacing } = await new HeatMapSearch(teacher(), POOL, WAVES, HEAT_MAP).find();
    expect(spacing).toBe(1);
    const hot = waves.filter(({ share }) => share > 0);
    expect(hot).toEqual([
      { down: 1, right: 2, share: 1 },
      { down: 3, right: 0, share: 1 },
    ]);
    // Σ of the second wave's squares, halved, at a root mean square of .5 is 17; asked for 20, it leads nowhere.
    const stubborn = await new HeatMapSearch(teacher([20, 0, 0]), POOL, WAVES, HEAT_MAP).find();
    expect(stubborn.waves.filter(({ share }) => share > 0)).toEqual([
      { down: 1, right: 2, share: 1 },
    ]);
  });

  it("[D9.6.2] tells parts of the images, too", async () => {
    // One image of three is brighter throughout, and that is against class 1.
    const session = teacher();
    for (let i = 0; i < VALUES; i++) session.teacher[VALUES + i]! -= 5;
    const pixels = POOL.images.pixels.map((_, i) => (Math.floor(i / VALUES) % 3 === 1 ? 132 : 128));
    const pool = { ...POOL, images: { ...POOL.images, pixels } };
    const { waves } = await new HeatMapSearch(session, pool, WAVES, {
      ...HEAT_MAP,
      images: 20,
    }).find();
    const hot = waves.filter(({ share }) => share > 0);
    expect(hot).toEqual([
      { down: 1, right: 2, share: 13 / 20 },
      { down: 3, right: 0, share: 1 },
    ]);
  });

  it("[D9.6.2] leaves out images that have the class anyway", async () => {
    const session = teacher();
    // What is brighter on the left is class 1 anyway.
    for (let i = 0; i < VALUES; i++) session.teacher[VALUES + i]! += i % 8 === 0 ? 200 : 0;
    const pixels = POOL.images.pixels.map((_, i) =>
      i % 8 === 0 && Math.floor(i / VALUES) % 2 === 0 ? 140 : 128,
    );
    const pool = { ...POOL, images: { ...POOL.images, pixels } };
    const { waves } = await new HeatMapSearch(session, pool, WAVES, {
      ...HEAT_MAP,
      images: 20,
    }).find();
    expect(waves.find(({ down, right }) => down === 1 && right === 2)!.share).toBe(1);
  });

  it("[D9.6] is made on images spread evenly over those that are trained on, once", async () => {
    const session = teacher();
    const search = new HeatMapSearch(session, POOL, WAVES, HEAT_MAP);
    const found = await search.find();
    expect(session.teacherAsked).toBe(6);
    const passes = session.teacherPerturbations.length;
    // Batches of four and two images for each wave of the lattice.
    expect(passes).toBe(2 * latticeOf(3).rows.flat().length);
    expect(await search.find()).toEqual(found);
    expect(session.teacherPerturbations).toHaveLength(passes);
    const root = Math.hypot(...session.teacherPerturbations[0]!) / Math.sqrt(VALUES);
    expect(root).toBeCloseTo(0.5, 6);
  });

  it("goes on where it was stopped, and counts rows once", async () => {
    const whole = await new HeatMapSearch(teacher(), POOL, WAVES, HEAT_MAP).find();
    const session = teacher();
    const search = new HeatMapSearch(session, POOL, WAVES, HEAT_MAP);
    const passes: [number, number][] = [];
    let found;
    let stops = 0;
    while (!found) {
      const stop = new AbortController();
      let batches = 0;
      try {
        found = await search.find({
          signal: stop.signal,
          beforeBatch: () => {
            if (++batches > 5) stop.abort(new Error("the round has ended"));
          },
          onPass: (done, total) => void passes.push([done, total]),
        });
      } catch (error) {
        expect(error).toMatchObject({ message: "the round has ended" });
        expect(++stops).toBeLessThan(50);
      }
    }
    expect(stops).toBeGreaterThan(2);
    expect(found).toEqual(whole);
    expect(passes).toEqual([1, 2, 3, 4].map((done) => [done, 4]));
  });
});
