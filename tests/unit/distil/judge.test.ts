import { describe, expect, it } from "vitest";
import { Judge } from "../../../client/distil/judge.ts";
import { RandomStream } from "../../../protocol/random/random-stream.ts";
import { judgingSchema } from "../../../protocol/round/judging.ts";
import { LinearSession } from "./linear-session.ts";

const SHAPE = { height: 2, width: 2, channels: 1 };
const MODEL = Float32Array.from([1, 2, -1, 0.5, -1, -2, 1, -0.5, -2.6, 2.6]);
const PIXELS = Uint8Array.from({ length: 20 * 4 }, (_, i) => (i * 91) % 256);

function judgeOf(settings: object = {}, heldOut = 8, seed = 6, trained = 0) {
  const session = new LinearSession(SHAPE, MODEL);
  const images = { pixels: PIXELS, count: 20, ...SHAPE };
  const indices = Uint32Array.from({ length: heldOut }, (_, i) => 2 * i);
  const normalisation = { mean: [0], std: [0.5] };
  const judging = judgingSchema.parse({ ascents: 3, watchAscents: 2, ...settings });
  const random = new RandomStream(new Uint8Array(16).fill(seed));
  const training = Uint32Array.from({ length: trained }, (_, i) => 2 * i + 1);
  const pool = { images, indices, training, normalisation, batchSize: 8 };
  return { session, judging, judge: new Judge(session, pool, judging, random) };
}

const length = (values: Float32Array): number =>
  Math.sqrt(values.reduce((sum, value) => sum + value * value, 0));

/** Length that a perturbation of four values may have. */
const within = (radius: number): number => 2 * radius * (1 + 1e-6);

/** What a judge with this seed says, and where it looks. */
async function run(seed: number) {
  const { judge, session } = judgeOf({}, 8, seed);
  const scores = [await judge.watch("main 0"), await judge.watch("main 0")];
  return { scores: [...scores, await judge.judge()], places: session.perturbations };
}

/** The teacher's class of an image with δ. */
function answer(image: number, delta: ArrayLike<number>): number {
  const pixels = [...PIXELS.subarray(4 * image, 4 * image + 4)];
  const x = pixels.map((pixel, i) => pixel / 255 / 0.5 + delta[i]!);
  const logit = (k: number): number =>
    x.reduce((sum, value, i) => sum + value * MODEL[4 * k + i]!, MODEL[8 + k]!);
  return logit(1) > logit(0) ? 1 : 0;
}

describe("a judge", () => {
  it("[J2.2] [J3] looks at every radius in a judging round, and asks the teacher once", async () => {
    const { judge, judging, session } = judgeOf();
    const scores = await judge.judge();
    expect(scores!.perturbed.map(({ radius }) => radius)).toEqual(judging.radii);
    // The teacher's, and all places of the student's own.
    expect(session.perturbations).toHaveLength(1 + 1 + 1 + 3 * 3);
    // Two classes are compared at the smallest radius, the nearer one is sought there and at the middle.
    expect(session.teacherPerturbations).toHaveLength(2 * (1 + 8) + (1 + 3) + (1 + 3));
    const [near, middle] = judging.radii;
    expect(length(session.teacherPerturbations[17]!)).toBeLessThan(within(near!));
    expect(length(session.teacherPerturbations[21]!)).toBeLessThan(within(near!));
    expect(length(session.teacherPerturbations[25]!)).toBeGreaterThan(within(near!));
    expect(length(session.teacherPerturbations[25]!)).toBeLessThan(within(middle!));
    await judge.judge();
    expect(session.teacherAsked).toBe(8);
    expect(session.teacherPerturbations).toHaveLength(26);
  });

  it("[J3.3] looks at the middle radius before a training round, from where the round before ended", async () => {
    const { judge, judging, session } = judgeOf();
    const first = await judge.watch("main 0");
    expect(first!.perturbed.map(({ radius }) => radius)).toEqual([judging.radii[1]]);
    // The teacher's, the start, its first ascent both ways, the second.
    expect(session.perturbations).toHaveLength(5);
    const step = 0.25 * judging.radii[1]! * 2;
    expect(length(session.perturbations[1]!)).toBeCloseTo(step / 10, 6);
    await judge.watch("main 0");
    expect(session.perturbations[5]).toEqual(session.perturbations[0]);
    // The student is linear and all pull one way: each ascent went further, the last is the worst.
    expect(session.perturbations[6]).toEqual(session.perturbations[4]);
    expect(session.perturbations).toHaveLength(9);
  });

  it("[J2.8] seeks the teacher's mistakes with images it trains on too, and counts none of them", async () => {
    const seen = judgeOf({ images: 12 }, 5, 6, 10);
    const few = judgeOf({ images: 12 }, 5, 6, 0);
    const [scores, alone] = [await seen.judge.watch("main 0"), await few.judge.watch("main 0")];
    expect([seen.session.teacherAsked, few.session.teacherAsked]).toEqual([12, 5]);
    expect(seen.session.perturbations).toHaveLength(few.session.perturbations.length);
    expect(scores!.images).toBe(5);
    expect(scores!.transfer.moved).toBeLessThanOrEqual(5);
    expect(scores!.agreement).toBe(alone!.agreement);
    expect(scores!.loss).toBe(alone!.loss);
  });

  it("[J2.7] tells how far the smallest radius leads the teacher, over all images it looks at", async () => {
    const settings = { images: 12, radii: [0.4, 0.8] };
    const { judge, judging, session } = judgeOf(settings, 5, 6, 10);
    const { transfer } = (await judge.watch("main 0"))!;
    // Five are held out; of those that are trained on it takes the last seven.
    const seen = [0, 2, 4, 6, 8, 7, 9, 11, 13, 15, 17, 19];
    const others = seen.filter((image) => answer(image, [0, 0, 0, 0]) !== transfer.class);
    const near = session.teacherPerturbations.filter(
      (delta) => length(delta) < within(judging.radii[0]!),
    );
    const shares = near.map(
      (delta) =>
        others.filter((image) => answer(image, delta) === transfer.class).length / others.length,
    );
    expect(transfer.reach).toBe(Math.max(...shares));
    expect(transfer.reach).toBeGreaterThan(0);
    expect(transfer.reach).toBeLessThan(1);
  });

  it("[J2.3] starts anew in another leg, and in every judging round", async () => {
    const { judge, judging, session } = judgeOf();
    await judge.watch("probe 0");
    await judge.watch("probe 1");
    const step = 0.25 * judging.radii[1]! * 2;
    expect(length(session.perturbations[6]!)).toBeCloseTo(step / 10, 6);
    await judge.judge();
    const first = 0.25 * judging.radii[0]! * 2;
    expect(length(session.perturbations[11]!)).toBeCloseTo(first / 10, 6);
  });

  it("[J3.3] seeks no perturbation of the student with watchAscents 0", async () => {
    const { judge, session } = judgeOf({ watchAscents: 0 });
    const scores = await judge.watch("main 0");
    expect(scores).toMatchObject({ images: 8, perturbed: [] });
    expect(session.perturbations).toEqual([session.teacherPerturbations.at(-1)]);
    // The student is the teacher.
    const { followed, moved } = scores!.transfer;
    expect(followed).toBe(moved);
  });

  it("[J1] has no scores where no images are held out, and asks nothing", async () => {
    const { judge, session } = judgeOf({}, 0);
    expect(await judge.judge()).toBeNull();
    expect(await judge.watch("main 0")).toBeNull();
    expect(session.teacherAsked).toBe(0);
  });

  it("[J2] gives the same scores for the same seed", async () => {
    expect(await run(6)).toEqual(await run(6));
    // The first place is the teacher's own.
    expect((await run(7)).places[0]).toEqual((await run(6)).places[0]);
    expect((await run(7)).places[1]).not.toEqual((await run(6)).places[1]);
  });
});
