import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ShortestWays } from "../../../client/distil/shortest-ways.ts";
import type { WayToClass } from "../../../client/distil/targeted-search.ts";
import { askTeacher, type ScoreHooks } from "../../../client/distil/teacher-answers.ts";
import { LinearSession } from "./linear-session.ts";

const SHAPE = { height: 2, width: 3, channels: 1 };
const VALUES = 6;
const TOWARDS = { radius: 0.4, ascents: 12 };
const SEARCHES = { nearest: 0.2, classes: 1, towards: [TOWARDS] };

/** Pixels of 128 are 0: what the teacher answers there is its biases' doing, to within `spread`. */
const pixelsAround = (count: number, spread: number) =>
  fc
    .uint8Array({ minLength: count * VALUES, maxLength: count * VALUES, max: 2 * spread })
    .map((pixels) => pixels.map((pixel) => 128 - spread + pixel));

async function begin(session: LinearSession, pixels: Uint8Array) {
  const count = pixels.length / VALUES;
  const heldOut = await askTeacher(session, {
    images: { pixels, count, ...SHAPE },
    indices: Uint32Array.from({ length: count }, (_, i) => i),
    normalisation: { mean: [128 / 255], std: [0.25] },
    batchSize: 64,
  });
  return { heldOut, search: new ShortestWays(session, heldOut, SEARCHES) };
}

async function find(session: LinearSession, pixels: Uint8Array, hooks: ScoreHooks = {}) {
  const { heldOut, search } = await begin(session, pixels);
  const [ways] = await search.finish(hooks);
  return { heldOut, mistakes: ways![0]! };
}

/** A class a value of the image, and how much a unit of it raises the class's logit. */
function oneValueAClass(slopes: readonly number[], biases: readonly number[]): Float32Array {
  const rows = slopes.map((slope, k) =>
    Array.from({ length: VALUES }, (_, i) => (i === k % VALUES ? slope : 0)),
  );
  return Float32Array.from([...rows.flat(), ...biases]);
}

describe("the teacher's mistakes", () => {
  it("[J2.5] are sought towards the class that a small perturbation reaches, though others are nearer", async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 5 }), pixelsAround(20, 3), async (way, pixels) => {
        // Class 0 is the answer, the way's is the farthest, and the only steep one.
        const slopes = Array.from({ length: VALUES }, (_, k) => (k === way ? 40 : 2));
        const biases = Array.from({ length: VALUES }, (_, k) => (k === 0 ? 8 : k === way ? -2 : 0));
        const session = new LinearSession(SHAPE, oneValueAClass(slopes, biases));
        const { mistakes } = await find(session, pixels);
        expect(mistakes.class).toBe(way);
        expect(mistakes.led).toHaveLength(20);
        const radius = TOWARDS.radius * Math.sqrt(VALUES);
        const length = Math.hypot(...mistakes.perturbation);
        expect(length).toBeLessThanOrEqual(radius * (1 + 1e-6));
        expect(mistakes.perturbation[way]!).toBeGreaterThan(0.95 * length);
      }),
      { numRuns: 20 },
    );
  });

  it("[J2.5] are no images that have the class anyway, nor those that go elsewhere", async () => {
    await fc.assert(
      fc.asyncProperty(pixelsAround(30, 120), async (pixels) => {
        const session = new LinearSession(
          SHAPE,
          oneValueAClass([3, 3, 3, 3, 3, 3], Array(6).fill(0)),
        );
        const { heldOut, mistakes } = await find(session, pixels);
        for (const row of mistakes.led) expect(heldOut.answers[row]).not.toBe(mistakes.class);
      }),
      { numRuns: 20 },
    );
  });

  it("[J2.6] are not sought towards a class that all images have", async () => {
    const session = new LinearSession(SHAPE, oneValueAClass([9, 1, 1], [30, 0, 0]));
    const { mistakes } = await find(session, new Uint8Array(5 * VALUES).fill(128));
    expect(mistakes.class).toBeGreaterThan(0);
    expect([...mistakes.led]).toEqual([]);
  });

  it("[J2.6] cost a bounded number of passes, however many classes there are", async () => {
    const told: [number, number][] = [];
    const onPass = (done: number, total: number): void => void told.push([done, total]);
    // The farther a class, the steeper: the last ones would be reached first.
    const slopes = Array.from({ length: 70 }, (_, k) => 1 + k);
    const biases = Array.from({ length: 70 }, (_, k) => (k === 0 ? 20 : -k / 100));
    const session = new LinearSession(SHAPE, oneValueAClass(slopes, biases));
    const { mistakes } = await find(session, new Uint8Array(40 * VALUES).fill(128), { onPass });
    // All have class 0. Halved from 64 to 6, to 3 and to 1.
    expect(session.teacherPerturbations).toHaveLength(64 * 4 + 6 * 5 + 3 * 9 + 13);
    expect(mistakes.class).toBe(64);
    expect(told).toEqual(Array.from({ length: 74 }, (_, i) => [i + 1, 74]));
  });

  it("[J2.6] of two classes are sought towards the nearer one", async () => {
    const session = new LinearSession(SHAPE, oneValueAClass([4, 4], [0.4, 0]));
    const { mistakes } = await find(session, new Uint8Array(6 * VALUES).fill(128));
    expect(mistakes.class).toBe(1);
    expect(mistakes.led).toHaveLength(6);
  });

  it("[J2.4] are sought to the end by a device that is stopped again and again", async () => {
    const pixels = new Uint8Array(30 * VALUES).fill(128);
    const slopes = Array.from({ length: 9 }, (_, k) => 3 + k);
    const model = oneValueAClass(slopes, Array(9).fill(0));
    const whole = await find(new LinearSession(SHAPE, model), pixels);

    const session = new LinearSession(SHAPE, model);
    const { search } = await begin(session, pixels);
    let found: WayToClass | undefined;
    const told: number[] = [];
    let stops = 0;
    while (found === undefined) {
      const stop = new AbortController();
      // Each stretch is long enough for one class, and ends within the next.
      let isOneDone = false;
      const onPass = (done: number): void => {
        told.push(done);
        isOneDone = true;
      };
      const beforeBatch = (): void => {
        if (isOneDone && ++stops <= 100) stop.abort(new Error("the round has ended"));
      };
      try {
        const [ways] = await search.finish({ signal: stop.signal, onPass, beforeBatch });
        [found] = ways!;
      } catch (error) {
        expect(error).toMatchObject({ message: "the round has ended" });
      }
    }
    expect(stops).toBeGreaterThan(10);
    expect(stops).toBeLessThan(100);
    expect(told).toEqual(Array.from(told.keys(), (i) => i + 1));
    expect(found).toEqual(whole.mistakes);
  });
});
