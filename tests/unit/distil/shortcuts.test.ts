import { describe, expect, it } from "vitest";
import { ADDITIVE, ShortcutSearch, type Shortcut } from "../../../client/distil/shortcuts.ts";
import { LinearSession } from "./linear-session.ts";

const SHAPE = { height: 1, width: 2, channels: 3 };
const VALUES = 6;
const COUNT = 40;

/** Values near 0 once normalised; no two images alike. */
const IMAGES = {
  pixels: Uint8Array.from({ length: COUNT * VALUES }, (_, i) => 126 + ((7 * i) % 5)),
  count: COUNT,
  ...SHAPE,
};

const INDICES = Uint32Array.from({ length: COUNT }, (_, i) => COUNT - 1 - i);

const POOL = {
  images: IMAGES,
  indices: INDICES,
  normalisation: { mean: [128 / 255, 128 / 255, 128 / 255], std: [0.25, 0.25, 0.25] },
  batchSize: 16,
};

const SETTINGS = { classes: 2, radius: 0.4, ascents: 12, images: 24 };

/** Answers class 0; value k of an image raises class k, two of them steeply. */
function teacher(): LinearSession {
  const slopes = [1, 1, 40, 1, 30, 1];
  const rows = slopes.map((slope, k) =>
    Array.from({ length: VALUES }, (_, i) => (i === k ? slope : 0)),
  );
  return new LinearSession(SHAPE, Float32Array.from([...rows.flat(), 8, 0, 0, 0, 0, 0]));
}

describe("the teacher's shortcuts", () => {
  it("[D9.7.3] are those to the classes that it is led to most easily, the nearest first", async () => {
    const shortcuts = await new ShortcutSearch(teacher(), POOL, SETTINGS, ADDITIVE).find();
    expect(shortcuts).toHaveLength(2);
    for (const [i, way] of [2, 4].entries()) {
      const { reach, values } = shortcuts[i]!;
      const length = Math.hypot(...values);
      expect(length).toBeLessThanOrEqual(0.4 * Math.sqrt(VALUES) * (1 + 1e-6));
      expect(values[way]).toBeGreaterThan(0.9 * length);
      // A quarter of the length makes 9.8 of the slope of 40, where 8 are asked for, and 7.3 of the other.
      if (i === 0) expect(reach).toBe(1);
      else expect(reach).toBeLessThan(0.5);
    }
  });

  it("[D9.7.2] are sought on images spread evenly over those that are trained on, once", async () => {
    const session = teacher();
    const search = new ShortcutSearch(session, POOL, SETTINGS, ADDITIVE);
    const found = await search.find();
    expect(session.teacherAsked).toBe(24);
    const passes = session.teacherPerturbations.length;
    expect(await search.find()).toBe(found);
    expect(session.teacherPerturbations).toHaveLength(passes);
    const spread = Array.from({ length: 24 }, (_, i) => INDICES[Math.floor((i * 40) / 24)]!);
    const same = { ...POOL, indices: Uint32Array.from(spread) };
    expect(await new ShortcutSearch(teacher(), same, SETTINGS, ADDITIVE).find()).toEqual(found);
    const others = { ...POOL, indices: INDICES.subarray(16) };
    expect(await new ShortcutSearch(teacher(), others, SETTINGS, ADDITIVE).find()).not.toEqual(
      found,
    );
  });

  it("go on where the end of a round stopped their search", async () => {
    const whole = await new ShortcutSearch(teacher(), POOL, SETTINGS, ADDITIVE).find();
    const session = teacher();
    const search = new ShortcutSearch(session, POOL, SETTINGS, ADDITIVE);
    let found: readonly Shortcut[] | undefined;
    let stops = 0;
    while (!found) {
      const stop = new AbortController();
      let passes = 0;
      const beforeBatch = (): void => {
        if (++passes > 40) stop.abort(new Error("the round has ended"));
      };
      try {
        found = await search.find({ signal: stop.signal, beforeBatch });
      } catch (error) {
        expect(error).toMatchObject({ message: "the round has ended" });
        expect(++stops).toBeLessThan(50);
      }
    }
    expect(stops).toBeGreaterThan(0);
    expect(found).toEqual(whole);
  });

  it("of fewer classes than are asked for are those that there are", async () => {
    const pool = { ...POOL, indices: INDICES.subarray(0, 3) };
    const wanted = { ...SETTINGS, classes: 64 };
    expect(await new ShortcutSearch(teacher(), pool, wanted, ADDITIVE).find()).toHaveLength(5);
  });
});
