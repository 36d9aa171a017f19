import { describe, expect, it } from "vitest";
import type { AdversarySettings, Engine, Session } from "../../../../client/engine/engine.ts";
import { stateLayout } from "../../../../protocol/model/state-layout.ts";
import { ADVERSARIES } from "./adversary-scenarios.ts";
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
  const batch = randomBatch(drawn.graph, SIZE, 1);
  const step = (session: Session, changes: Partial<AdversarySettings> = {}): Promise<void> =>
    session.step(batch, { ...SETTINGS[0], adversary: { ...ADVERSARY, ...changes } });
  const open = <T>(use: (session: Session, at: NumericCase) => Promise<T>): Promise<T> =>
    onEngine(engine(), drawn, use);

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

    it("stays where steps leave it, and goes with the velocity when a student comes", async () => {
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

    it("beyond the ball comes back into it", async () => {
      await open(async (session) => {
        for (const { norm, ascents } of ADVERSARIES) {
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
