import { describe, expect, it } from "vitest";
import { bentAnswersTo } from "../../../client/distil/bent-answers.ts";
import { bending, ShortcutSearch } from "../../../client/distil/shortcuts.ts";
import { askTeacher } from "../../../client/distil/teacher-answers.ts";
import { WeaknessSearch, type Weaknesses } from "../../../client/distil/weaknesses.ts";
import { adversarySchema } from "../../../protocol/round/adversary.ts";
import { answersTo } from "../../../client/distil/worst-perturbation.ts";
import { LinearSession } from "./linear-session.ts";

const SHAPE = { height: 8, width: 8, channels: 2 };
const VALUES = 128;
const COUNT = 12;

/** A bright spot each, at row 3 or 4 and column 3 or 4. */
const PIXELS = Uint8Array.from({ length: COUNT * VALUES }, (_, i) => {
  const [image, at] = [Math.floor(i / VALUES), i % VALUES];
  const [row, column] = [Math.floor(at / 16), Math.floor(at / 2) % 8];
  const away = (row - 3 - (image % 2)) ** 2 + (column - 3 - (Math.floor(image / 2) % 2)) ** 2;
  return 60 + Math.round(180 * Math.exp(-away / 4)) + 2 * (at % 2);
});

const POOL = {
  images: { pixels: PIXELS, count: COUNT, ...SHAPE },
  indices: Uint32Array.from({ length: COUNT }, (_, i) => COUNT - 1 - i),
  normalisation: { mean: [0.5, 0.5], std: [0.25, 0.25] },
  batchSize: 8,
};

/** Radius in pixels. */
const SETTINGS = { classes: 2, radius: 2, ascents: 12, images: 8 };

/** The same length, as a share of the width. */
const BENDS_ALONE = adversarySchema.parse({
  waves: null,
  shortcuts: null,
  warp: { grid: 2 },
  bends: { radius: 0.25, images: 8 },
});

function bendsOf(session: LinearSession): Promise<Weaknesses> {
  return new WeaknessSearch(session, POOL, BENDS_ALONE, 3).find();
}

function slope(from: (row: number) => number): number[] {
  return Array.from({ length: VALUES }, (_, i) => from(Math.floor(i / 16)));
}

/** Mean displacement of rows. */
function downwards(field: Float32Array): number {
  const rows = field.filter((_, i) => i % 2 === 0);
  return rows.reduce((sum, value) => sum + value, 0) / rows.length;
}

/** Answers class 0; class 1 likes what is bright below, class 2 a little less what is bright above. */
function teacher(): LinearSession {
  const rows = [
    ...slope(() => 0),
    ...slope((row) => 0.6 * (row - 3.5)),
    ...slope((row) => 0.22 * (3.5 - row)),
  ];
  return new LinearSession(SHAPE, Float32Array.from([...rows, 14, 0, 0]));
}

describe("answers to images that are bent", () => {
  it("are those to the images themselves where nothing is displaced", async () => {
    const session = teacher();
    const seen = await askTeacher(session, POOL);
    const bent = await bentAnswersTo(session, seen, {}, new Float32Array(18), false);
    const plain = await answersTo(session, "teacher", seen, {}, new Float32Array(VALUES), false);
    expect(bent.divergence).toBeCloseTo(plain.divergence, 6);
    expect(bent).toMatchObject({ agreed: COUNT, flips: [0, 0, 0], classes: plain.classes });
    expect([...bent.gradient]).toEqual(Array.from({ length: 18 }, () => 0));
  });

  it("move whole images by a pixel where all nodes do", async () => {
    const session = teacher();
    const seen = await askTeacher(session, { ...POOL, indices: Uint32Array.of(0) });
    const down = Float32Array.from({ length: 8 }, (_, i) => (i % 2 === 0 ? 1 : 0));
    await bentAnswersTo(session, seen, {}, down, false);
    const moved = session.teacherPerturbations.at(-1)!;
    const values = Float64Array.from(PIXELS.subarray(0, VALUES), (x) => (x / 255 - 0.5) / 0.25);
    for (let i = 0; i < VALUES; i++) {
      const from = i + 16 < VALUES ? i + 16 : i;
      expect(moved[i]).toBeCloseTo(values[from]! - values[i]!, 4);
    }
  });

  it("have the gradient of finite differences, by every node", async () => {
    const session = teacher();
    const seen = await askTeacher(session, POOL);
    const field = Float32Array.from({ length: 18 }, (_, i) => 0.4 * Math.sin(3 * i + 1));
    const at = async (node: number, by: number): Promise<number> => {
      const moved = field.slice();
      moved[node]! += by;
      return (await bentAnswersTo(session, seen, {}, moved, false)).divergence;
    };
    const { gradient } = await bentAnswersTo(session, seen, {}, field, true);
    const largest = Math.max(...gradient.map(Math.abs));
    expect(largest).toBeGreaterThan(1e-3);
    for (const [node, value] of gradient.entries()) {
      const difference = ((await at(node, 2e-3)) - (await at(node, -2e-3))) / 4e-3;
      expect(Math.abs(value - difference)).toBeLessThan(0.02 * largest);
    }
  });
});

describe("what bends images and misleads the teacher", () => {
  it("[D9.8.1] are fields to the classes that it is led to most easily, the nearest first", async () => {
    const bends = await new ShortcutSearch(teacher(), POOL, SETTINGS, bending(2)).find();
    expect(bends).toHaveLength(2);
    const [below, above] = bends;
    // What is shown below is taken from above: rows' displacements are negative, and the other way round.
    expect(downwards(below!.values)).toBeLessThan(0);
    expect(downwards(above!.values)).toBeGreaterThan(0);
    for (const { values } of bends) {
      expect(values).toHaveLength(8);
      const rms = Math.hypot(...values) / Math.sqrt(values.length);
      expect(rms).toBeLessThanOrEqual(2 * (1 + 1e-6));
      expect(rms).toBeGreaterThan(0.5);
    }
    expect(below!.reach).toBeGreaterThanOrEqual(above!.reach);
  });

  it("[D9.8.1] are not trained against where they lead to no class", async () => {
    expect((await bendsOf(teacher())).bends.length).toBeGreaterThan(1);
    const stubborn = teacher();
    stubborn.teacher[3 * VALUES] = 1e3;
    expect(await bendsOf(stubborn)).toMatchObject({ bends: [], bend: { reach: 0 } });
  });

  it("[J2.10] tells of the one that leads furthest when it is half as long", async () => {
    const { bend, bends } = await bendsOf(teacher());
    const reaches = bends.map(({ reach }) => reach);
    expect(Math.min(...reaches)).toBeLessThan(Math.max(...reaches));
    const furthest = bends.find(({ reach }) => reach === Math.max(...reaches))!;
    expect(bend).toEqual({ class: furthest.class, reach: furthest.reach });
  });
});
