import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { normalisationTable } from "../../../client/distil/normalise.ts";
import { scoreStudent } from "../../../client/distil/score-student.ts";
import { ShortestWays } from "../../../client/distil/shortest-ways.ts";
import { askTeacher, type ScoreHooks } from "../../../client/distil/teacher-answers.ts";
import { LinearSession } from "./linear-session.ts";

const SHAPE = { height: 2, width: 3, channels: 1 };
const VALUES = 6;
const NORMALISATION = { mean: [0], std: [0.25] };
const table = normalisationTable(NORMALISATION, 1);

/**
 * Three classes: 0 where w·x + bias is positive, else 1; nobody answers 2.
 *
 * @param w `[VALUES]`
 */
function oneEdge(w: readonly number[], bias: number): Float32Array {
  const away = Array.from({ length: VALUES }, () => 0);
  return Float32Array.from([...w, ...w.map((value) => -value), ...away, bias, -bias, -1000]);
}

function pool(pixels: Uint8Array, batchSize: number) {
  const count = pixels.length / VALUES;
  const images = { pixels, count, ...SHAPE };
  const indices = Uint32Array.from({ length: count }, (_, i) => count - 1 - i);
  return { images, indices, normalisation: NORMALISATION, batchSize };
}

const dot = (a: ArrayLike<number>, b: ArrayLike<number>): number =>
  Array.from(a).reduce((sum, value, i) => sum + value * b[i]!, 0);
const length = (a: ArrayLike<number>): number => Math.sqrt(dot(a, a));

/** What `oneEdge` answers with its edge through 2, 2, …; draws on the edge, where roundings decide, are drawn again. */
function answerOf(w: readonly number[], x: readonly number[]): 0 | 1 {
  const distance = dot(w, x) - dot(w, Array(VALUES).fill(2));
  fc.pre(Math.abs(distance) > 1e-5);
  return distance > 0 ? 0 : 1;
}

const sigmoid = (t: number): number => 1 / (1 + Math.exp(-t));

const START = Float32Array.from([1e-3, -2e-3, 1e-3, 0, 1e-3, 2e-3]);

async function score(
  session: LinearSession,
  pixels: Uint8Array,
  radii: readonly number[],
  { ascents = 16, batchSize = 5, hooks = {} as ScoreHooks, isFresh = true } = {},
) {
  const heldOut = await askTeacher(session, pool(pixels, batchSize));
  const searches = radii.map((radius) => ({ radius, ascents }));
  const misleading = { nearest: 0.15, classes: 1, towards: [{ radius: 0.3, ascents: 8 }] };
  const [ways] = await new ShortestWays(session, heldOut, misleading).finish();
  const mistakes = { ...ways![0]!, reach: 0.75 };
  const start = { perturbation: START, isFresh };
  const scored = await scoreStudent(session, { heldOut, mistakes }, searches, start, hooks);
  return { ...scored, heldOut, mistakes };
}

const pixelsOf = (count: number) =>
  fc.uint8Array({ minLength: count * VALUES, maxLength: count * VALUES });
const weights = fc
  .array(fc.double({ min: -1, max: 1, noNaN: true }), { minLength: VALUES, maxLength: VALUES })
  .filter((w) => length(w) > 0.3);

describe("scores of a student", () => {
  it("[J2.3] find the worst universal perturbation of a linear student: straight across its edge", async () => {
    await fc.assert(
      fc.asyncProperty(weights, pixelsOf(12), async (w, pixels) => {
        const values = Array.from({ length: 12 }, (_, image) =>
          Array.from({ length: VALUES }, (__, i) => table[pixels[image * VALUES + i]!]!),
        );
        // All images lie on one side, so that all want δ in the same direction: −w.
        const margins = values.map((x) => dot(w, x));
        // The teacher is as sure of the nearest as 73 %.
        const bias = 0.5 - Math.min(...margins);
        const session = new LinearSession(SHAPE, oneEdge(w, bias));
        const radii = [0.2, 0.6];
        const { scores, perturbation } = await score(session, pixels, radii);
        const ball = radii[1]! * Math.sqrt(VALUES);
        expect(length(perturbation)).toBeLessThan(ball * (1 + 1e-6));
        expect(dot(perturbation, w)).toBeLessThan(-0.999 * ball * length(w));
        expect(scores).toMatchObject({ images: 12, agreement: 1 });
        for (const [i, radius] of radii.entries()) {
          const reach = radius * Math.sqrt(VALUES) * length(w);
          const { agreement, flips } = scores.perturbed[i]!;
          const crossed = (share: number): number =>
            margins.filter((margin) => margin + bias < share * reach).length;
          expect(flips[0]! + flips[2]!).toBe(0);
          expect(flips[1]).toBeGreaterThanOrEqual(crossed(0.999));
          expect(flips[1]).toBeLessThanOrEqual(crossed(1.000_01));
          expect(agreement).toBe((12 - flips[1]!) / 12);
        }
      }),
      { numRuns: 40 },
    );
  });

  it("[J2.1] give loss and agreement of clean images as they are defined", async () => {
    const w = [1, 0, 0, 0, 0, 0];
    // 0.25 of a pixel value of 255 is 1: x = pixel/63.75.
    const pixels = new Uint8Array(4 * VALUES);
    for (const [image, value] of [0, 51, 102, 153].entries()) pixels[image * VALUES] = value;
    // Teacher: 0 from x = 1 on; student: from x = 2 on. The images are at 0, .8, 1.6, 2.4.
    const session = new LinearSession(SHAPE, oneEdge(w, -1), oneEdge(w, -2));
    const { scores } = await score(session, pixels, []);
    let loss = 0;
    for (const x of [0, 0.8, 1.6, 2.4]) {
      const [p, q] = [sigmoid(2 * (x - 1)), sigmoid(2 * (x - 2))];
      loss += (p * Math.log(p / q) + (1 - p) * Math.log((1 - p) / (1 - q))) / 4;
    }
    expect(scores.loss).toBeCloseTo(loss, 5);
    expect(scores).toMatchObject({ images: 4, agreement: 0.75, perturbed: [] });
  });

  it("[J2.2] count flips from the teacher's clean answer, to the class that the student gives", async () => {
    await fc.assert(
      fc.asyncProperty(
        weights,
        weights,
        pixelsOf(9),
        fc.integer({ min: 1, max: 9 }),
        async (w, v, pixels, batchSize) => {
          const teacher = oneEdge(w, -dot(w, Array(VALUES).fill(2)));
          const student = oneEdge(v, -dot(v, Array(VALUES).fill(2)));
          const session = new LinearSession(SHAPE, teacher, student);
          const { scores, perturbation } = await score(session, pixels, [0.1, 0.5], { batchSize });
          for (const { agreement, flips } of scores.perturbed) {
            expect(agreement * 9 + dot(flips, [1, 1, 1])).toBeCloseTo(9, 9);
          }
          const flips = [0, 0, 0];
          for (let image = 0; image < 9; image++) {
            const x = Array.from(pixels.subarray(image * VALUES, (image + 1) * VALUES));
            const clean = x.map((pixel) => table[pixel]!);
            const moved = clean.map((value, i) => value + perturbation[i]!);
            const [wanted, given] = [answerOf(w, clean), answerOf(v, moved)];
            if (given !== wanted) flips[given]!++;
          }
          expect(scores.perturbed[1]!.flips).toEqual(flips);
        },
      ),
      { numRuns: 40 },
    );
  });

  it("[J2.2] find more within a larger radius, the same however the images are batched", async () => {
    const w = [0.5, -0.3, 0.2, 0.1, -0.6, 0.4];
    const pixels = Uint8Array.from({ length: 10 * VALUES }, (_, i) => (i * 37) % 256);
    const make = (): LinearSession => new LinearSession(SHAPE, oneEdge(w, 0.1));
    const whole = await score(make(), pixels, [0.1, 0.3, 0.5], { batchSize: 10 });
    const agreements = whole.scores.perturbed.map(({ agreement }) => agreement);
    expect(agreements).toEqual([...agreements].sort((a, b) => b - a));
    expect(agreements.at(-1)).toBeLessThan(1);
    const pieces = await score(make(), pixels, [0.1, 0.3, 0.5], { batchSize: 3 });
    expect(pieces.scores.perturbed).toEqual(whole.scores.perturbed);
    expect(pieces.scores.loss).toBeCloseTo(whole.scores.loss, 12);
  });

  it("cost a pass for the clean images and one for each perturbation", async () => {
    const session = new LinearSession(SHAPE, oneEdge([1, 1, 1, 1, 1, 1], -9));
    const pixels = Uint8Array.from({ length: 10 * VALUES }, (_, i) => (i * 37) % 256);
    const told: [number, number][] = [];
    const onPass = (done: number, total: number): void => void told.push([done, total]);
    await score(session, pixels, [0.1, 0.3], { ascents: 4, hooks: { onPass } });
    // Two batches a pass; the first step is tried both ways; the last place needs no gradient, and
    // nor does the teacher's perturbation.
    expect(session.perturbations).toHaveLength(2 * 11);
    expect(session.gradients).toBe(2 * 9);
    expect(told).toEqual(Array.from({ length: 12 }, (_, i) => [i + 1, 12]));
    expect(session.teacherAsked).toBe(10);
    expect(session.steps).toEqual([]);
  });

  it("[J2.9] count the images that the teacher's perturbation leads to its class, and who follows", async () => {
    await fc.assert(
      fc.asyncProperty(weights, weights, pixelsOf(9), async (w, v, pixels) => {
        const teacher = oneEdge(w, -dot(w, Array(VALUES).fill(2)));
        const student = oneEdge(v, -dot(v, Array(VALUES).fill(2)));
        const session = new LinearSession(SHAPE, teacher, student);
        const { heldOut, mistakes, scores } = await score(session, pixels, []);
        const led: number[] = [];
        let followed = 0;
        for (const [row, image] of heldOut.indices.entries()) {
          const x = Array.from(pixels.subarray(image * VALUES, (image + 1) * VALUES));
          const clean = x.map((pixel) => table[pixel]!);
          const wrong = clean.map((value, i) => value + mistakes.perturbation[i]!);
          const [before, after] = [answerOf(w, clean), answerOf(w, wrong)];
          if (before === mistakes.class || after !== mistakes.class) continue;
          led.push(row);
          if (answerOf(v, wrong) === mistakes.class) followed++;
        }
        expect([...mistakes.led]).toEqual(led);
        expect(scores.transfer).toEqual({
          class: mistakes.class,
          reach: 0.75,
          moved: led.length,
          followed,
        });
        const twin = new LinearSession(SHAPE, teacher, teacher);
        const { scores: own } = await score(twin, pixels, []);
        expect(own.transfer.followed).toBe(own.transfer.moved);
      }),
      { numRuns: 40 },
    );
  });

  it("[J2.3] go on from where they are told to, one way", async () => {
    const session = new LinearSession(SHAPE, oneEdge([1, 1, 1, 1, 1, 1], -9));
    const pixels = Uint8Array.from({ length: 5 * VALUES }, (_, i) => (i * 37) % 256);
    await score(session, pixels, [0.1], { ascents: 2, isFresh: false });
    expect(session.perturbations).toHaveLength(4);
    expect(session.perturbations[1]).toEqual(START);
  });

  it("stop between batches with the signal's reason", async () => {
    const session = new LinearSession(SHAPE, oneEdge([1, 1, 1, 1, 1, 1], -9));
    const controller = new AbortController();
    const beforeBatch = (): void => {
      if (session.perturbations.length === 3) controller.abort(new Error("the round ended"));
    };
    const hooks = { beforeBatch, signal: controller.signal };
    const scoring = score(session, new Uint8Array(6 * VALUES), [0.1], { hooks });
    await expect(scoring).rejects.toThrow("the round ended");
    expect(session.perturbations).toHaveLength(3);
  });

  it("stop before a batch of the teacher's, too", async () => {
    const session = new LinearSession(SHAPE, oneEdge([1, 1, 1, 1, 1, 1], -9));
    const controller = new AbortController();
    const beforeBatch = (): void => {
      if (session.teacherAsked > 0) controller.abort(new Error("the round ended"));
    };
    const asking = askTeacher(session, pool(new Uint8Array(6 * VALUES), 4), {
      beforeBatch,
      signal: controller.signal,
    });
    await expect(asking).rejects.toThrow("the round ended");
    expect(session.teacherAsked).toBe(4);
  });

  it("refuse a student whose answers are not finite, saying what to do", async () => {
    const broken = oneEdge([1, 1, 1, 1, 1, 1], Number.NaN);
    const session = new LinearSession(SHAPE, oneEdge([1, 1, 1, 1, 1, 1], 0), broken);
    await expect(score(session, new Uint8Array(6 * VALUES), [])).rejects.toMatchObject({
      code: "not-finite",
      message: expect.stringMatching(/not finite, though .* tell the organisers/),
    });
  });

  it("refuse a teacher whose answers are not finite, saying that it may be the device", async () => {
    const broken = oneEdge([1, 1, 1, 1, 1, 1], Number.NaN);
    const session = new LinearSession(SHAPE, broken);
    await expect(score(session, new Uint8Array(6 * VALUES), [])).rejects.toMatchObject({
      code: "device-failed",
      message: expect.stringMatching(/^the teacher's .* not finite; try another device/),
    });
  });
});
