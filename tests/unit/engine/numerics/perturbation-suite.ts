import { describe, expect, it } from "vitest";
import type { AdversarySettings } from "../../../../client/engine/adversary-settings.ts";
import type { Engine, Session, SessionReading } from "../../../../client/engine/engine.ts";
import { fieldLength } from "../../../../client/engine/host/warp-field.ts";
import { stateLayout } from "../../../../protocol/model/state-layout.ts";
import { ADVERSARIES } from "./adversary-scenarios.ts";
import { expectCleanStatistics } from "./clean-statistics.ts";
import { GraphBuilder } from "./graph-builder.ts";
import { drawCase, onEngine, type NumericCase } from "./numeric-case.ts";
import { randomBatch, type RandomGraph } from "./random-graph.ts";
import { SETTINGS } from "./scenarios.ts";

const SIZE = 4;
const ADVERSARY: AdversarySettings = {
  weight: 0.5,
  share: 0.5,
  norm: "l2",
  radius: 1,
  stepLength: 0.4,
  scope: "universal",
  ascents: 1,
};

const WARP = { grid: 2, radius: 1, step: 0.5 };

function rootMeanSquare(values: Float32Array): number {
  return Math.hypot(...values) / Math.sqrt(values.length);
}

/** Few kernels, for devices that compile them slowly. */
function plainNetwork(): RandomGraph {
  const net = new GraphBuilder({ height: 3, width: 2, channels: 2 });
  const features = net.relu(net.norm(net.conv(net.image, { channels: 4, kernel: 1 })));
  const graph = net.graph(net.linear(net.pool(features), 3));
  return { graph, layout: stateLayout(graph) };
}

/** How every backend that has adversaries keeps their perturbations, and what it refuses. */
export function describePerturbations(engine: () => Engine): void {
  const drawn = drawCase(plainNetwork(), 2, 4);
  const { height, width, channels } = drawn.graph.inputShape;
  const length = height * width * channels;
  const ramp = Float32Array.from({ length }, (_, i) => 0.3 * Math.sin(i));
  const fieldOf = (reading: SessionReading): Float32Array => reading.perturbation!.slice(length);
  const batch = randomBatch(drawn.graph, SIZE, 1);
  const step = (session: Session, changes: Partial<AdversarySettings> = {}): Promise<void> =>
    session.step(batch, {
      ...SETTINGS[0],
      // Two copies of every norm group, so that δ and φ have one each.
      adversary: { ...ADVERSARY, ...(changes.warp && { share: 1 }), ...changes },
    });
  const open = <T>(use: (session: Session, at: NumericCase) => Promise<T>): Promise<T> =>
    onEngine(engine(), drawn, use);
  const trainUnmoved = (changes: Partial<AdversarySettings>): Promise<SessionReading> =>
    open(async (session) => {
      for (let i = 0; i < 2; i++) await step(session, { share: 1, radius: 0, ...changes });
      return session.read();
    });

  describe("a universal warp", () => {
    const warp = { grid: 3, radius: 0.6, step: 0.4 };
    const field = Float32Array.from({ length: fieldLength(warp.grid) }, (_, i) => Math.cos(3 * i));
    const both = Float32Array.of(...ramp, ...field);

    it.each([0, 1])(
      "[D9.3.2] moves by its step and stays in its radius: %i ascents",
      async (ascents) => {
        await open(async (session) => {
          await step(session, { ascents, warp });
          expect(rootMeanSquare(fieldOf(await session.read()))).toBeCloseTo(warp.step, 5);
          for (let i = 0; i < 2; i++) await step(session, { ascents, warp });
          expect(rootMeanSquare(fieldOf(await session.read()))).toBeLessThan(warp.radius + 1e-5);
          await step(session, { ascents, warp, restart: both });
          expect(rootMeanSquare(fieldOf(await session.read()))).toBeCloseTo(warp.radius, 5);
        });
      },
    );

    it("of radius 0 leaves images as a δ of radius 0 does, to the bit", async () => {
      const { perturbation: _, ...plain } = await trainUnmoved({});
      const { perturbation: moved, ...still } = await trainUnmoved({
        warp: { ...warp, radius: 0 },
      });
      expect(still).toEqual(plain);
      // Zeros, of either sign.
      expect(Math.hypot(...moved!)).toBe(0);
    });

    const moveBoth = (changes: Partial<AdversarySettings>): Promise<Float32Array> =>
      open(async (session) => {
        await step(session, { share: 1, warp, restart: both, ...changes });
        return (await session.read()).perturbation!;
      });

    it("[D9.3.2] [D9.12] leaves δ alone, and δ it: each climbs by copies of its own", async () => {
      const [all, noWarp, noDelta] = await Promise.all([
        moveBoth({}),
        moveBoth({ warp: { ...warp, step: 0 } }),
        moveBoth({ stepLength: 0 }),
      ]);
      expect(all.slice(0, length)).toEqual(noWarp.slice(0, length));
      expect(all.slice(length)).toEqual(noDelta.slice(length));
    });

    it("[D9.8] begins a step where it is told, and δ goes on", async () => {
      await open(async (session) => {
        session.load(drawn.student, "restart", both);
        const told = field.map((value) => -0.5 * value);
        const still = { warp: { ...warp, radius: 5, step: 0 }, stepLength: 0, radius: 50 };
        await step(session, { ...still, field: told });
        const { perturbation } = await session.read();
        expect(perturbation!.slice(length)).toEqual(told);
        const delta = perturbation!.slice(0, length);
        for (const [i, value] of delta.entries()) expect(value).toBeCloseTo(ramp[i]!, 5);
        await step(session, still);
        expect(fieldOf(await session.read())).toEqual(told);
      });
    });

    it("[D9.10] stays behind δ until a student, a restart or another grid takes its place", async () => {
      await open(async (session) => {
        session.load(drawn.student, "restart", both);
        expect((await session.read()).perturbation).toEqual(both);
        await step(session);
        expect(fieldOf(await session.read())).toEqual(field);
        await step(session, { scope: "per-image" });
        session.load(drawn.student, "keep");
        await step(session, { warp: { ...warp, radius: 5, step: 0 } });
        expect(fieldOf(await session.read())).toEqual(field);
        // From where an ascent of no length leaves it.
        await step(session, { warp: { grid: 2, radius: 5, step: 0 } });
        expect(fieldOf(await session.read())).toEqual(new Float32Array(fieldLength(2)));
        await step(session, { restart: ramp });
        expect((await session.read()).perturbation).toHaveLength(length);
        session.load(drawn.student, "keep", both);
        expect((await session.read()).perturbation).toEqual(both);
        await step(session);
        expect(fieldOf(await session.read())).toEqual(field);
        session.load(drawn.student);
        await step(session);
        expect((await session.read()).perturbation).toHaveLength(length);
        await step(session, { warp });
        expect(rootMeanSquare(fieldOf(await session.read()))).toBeCloseTo(warp.step, 5);
      });
    });
  });

  describe("a universal perturbation", () => {
    it("is there once it is needed, and tells of its copies in results alone", async () => {
      await open(async (session) => {
        await session.step(batch, SETTINGS[0]);
        const { results, ...plain } = await session.read();
        expect(results[0]).not.toHaveProperty("adversary");
        expect(plain).not.toHaveProperty("perturbation");
        await step(session);
        const { results: with_, perturbation } = await session.read();
        expect(with_[0]!.adversary!.loss).toBeGreaterThan(0);
        expect(perturbation).toHaveLength(length);
        expect(Math.hypot(...perturbation!)).toBeCloseTo(ADVERSARY.stepLength, 5);
      });
    });

    it("[D9.10] stays where steps leave it, and goes with the velocity when a student comes", async () => {
      await open(async (session) => {
        await step(session);
        const { perturbation: first } = await session.read();
        await session.step(batch, SETTINGS[0]);
        await step(session, { scope: "per-image" });
        expect((await session.read()).perturbation).toEqual(first);
        session.load(drawn.student, "keep");
        expect((await session.read()).perturbation).toEqual(first);
        await step(session, { stepLength: 0 });
        expect((await session.read()).perturbation).toEqual(first);
        session.load(drawn.student);
        expect(await session.read()).not.toHaveProperty("perturbation");
        session.load(drawn.student, "restart", ramp);
        expect((await session.read()).perturbation).toEqual(ramp);
        session.load(drawn.student, "keep", first);
        expect((await session.read()).perturbation).toEqual(first);
      });
    });

    it.each([0, 1])("restarts where it is told: %i ascents", async (ascents) => {
      await open(async (session) => {
        session.load(drawn.student, "restart", ramp);
        await step(session, { ascents });
        const given = await session.read();
        session.load(drawn.student);
        await step(session, { ascents, restart: ramp });
        expect(await session.read()).toEqual(given);
        session.load(drawn.student);
        await step(session, { ascents });
        expect((await session.read()).perturbation).not.toEqual(given.perturbation);
      });
    });

    it("[D9.1] beyond the ball comes back into it", async () => {
      await open(async (session) => {
        for (const { norm, ascents } of ADVERSARIES.filter(({ warps }) => !warps)) {
          session.load(drawn.student);
          const restart = ramp.map((value) => 10 * value);
          await step(session, { norm, ascents, restart });
          const { perturbation } = await session.read();
          const size =
            norm === "l2" ? Math.hypot(...perturbation!) : Math.max(...perturbation!.map(Math.abs));
          expect(size).toBeCloseTo(ADVERSARY.radius, 5);
        }
      });
    });
  });

  it.each<[string, Partial<AdversarySettings>, RegExp]>([
    ["a negative weight", { weight: -1 }, /weight is -1; it is a number from 0 on/],
    ["no share", { share: 0 }, /share is 0; it is above 0 and at most 1/],
    ["too great a share", { share: 1.1 }, /share is 1.1/],
    ["no radius", { radius: Number.NaN }, /radius is NaN/],
    ["half an ascent", { ascents: 0.5 }, /ascents is 0.5; it is a whole number from 0 to 100/],
    ["no ascent of single images", { scope: "per-image", ascents: 0 }, /needs at least one/],
    ["a restart of single images", { scope: "per-image", restart: ramp }, /begin at zero/],
    ["a restart of another shape", { restart: ramp.slice(1) }, /a perturbation needs \d+ values/],
    ["a warp of one node", { warp: { ...WARP, grid: 1 } }, /warp.grid is 1; .* from 2 to 32/],
    ["a warp of too many nodes", { warp: { ...WARP, grid: 33 } }, /warp.grid is 33/],
    ["a warp without a radius", { warp: { ...WARP, radius: -1 } }, /warp.radius is -1/],
    ["a warp without a step", { warp: { ...WARP, step: Infinity } }, /warp.step is Infinity/],
    ["a warp of single images", { scope: "per-image", warp: WARP }, /only a universal/],
    ["a field without a warp", { field: new Float32Array(8) }, /field needs a warp/],
    ["a field of another grid", { warp: WARP, field: new Float32Array(9) }, /field has 9 values/],
    [
      "a field that is not a number",
      { warp: WARP, field: new Float32Array(8).fill(NaN) },
      /field has NaN for value 0/,
    ],
    ["a restart without a field", { warp: WARP, restart: ramp }, /needs 20 .*3×2×2 and 2×2×2/],
    ["an infinite restart", { restart: ramp.map(() => Infinity) }, /value 0 of .* is Infinity/],
  ])("refuses %s", async (_, changes, message) => {
    await open(async (session) => {
      await expect(step(session, changes)).rejects.toMatchObject({
        code: "invalid-input",
        message: expect.stringMatching(message) as string,
      });
      expect(await session.read()).toEqual({ state: drawn.student, results: [] });
    });
  });

  it("refuses to look at answers with what does not fit the images", async () => {
    await open(async (session) => {
      const short = ramp.slice(1);
      await expect(session.perturbedLogits("teacher", batch, short)).rejects.toThrow(
        /a perturbation needs/,
      );
      const answers = new Float32Array(3);
      await expect(session.perturbedLogits("teacher", batch, ramp, answers)).rejects.toThrow(
        /3 target values for 4 images/,
      );
      expect(() => session.load(drawn.student, "keep", short)).toThrow(/a perturbation needs/);
    });
  });

  it("[D9.13] leaves statistics and the images' own answers as they are without copies", async () => {
    await expectCleanStatistics(engine());
  });

  it("looking at answers changes nothing", async () => {
    await open(async (session) => {
      const { classes } = drawn.graph;
      const answers = new Float32Array(SIZE * classes).fill(1 / classes);
      await step(session);
      const before = await session.read();
      await session.perturbedLogits("student", batch, ramp, answers);
      await session.perturbedLogits("teacher", batch, ramp, answers);
      expect(await session.read()).toEqual({ ...before, results: [] });
    });
  });
}
