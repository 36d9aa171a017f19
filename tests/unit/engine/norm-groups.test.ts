import { beforeAll, describe, expect, it } from "vitest";
import { unmovedBatch } from "../../../client/distil/normalise.ts";
import { gatherPixels } from "../../../client/images/image-set.ts";
import type { AdversarySettings } from "../../../client/engine/adversary-settings.ts";
import type { Engine, PixelBatch, Session } from "../../../client/engine/engine.ts";
import { nodeEnvironment } from "../../../client/engine/opening/node-environment.ts";
import { openEngine } from "../../../client/engine/opening/open-engine.ts";
import type { GoldenCase } from "../../../scripts/golden/golden-case.ts";
import { relativeError } from "../../../scripts/golden/reproduce.ts";
import { goldenW4 } from "./golden-files.ts";

const SETTINGS = { learningRate: 0.05, momentum: 0.9, weightDecay: 5e-4, temperature: 2 };
const BATCH = 6;
const GROUP = 2;

describe("norm groups", () => {
  let engine: Engine;
  let golden: GoldenCase;
  beforeAll(async () => {
    engine = await openEngine({ backend: "wasm", environment: nodeEnvironment() });
    golden = await goldenW4();
  });

  function open(normGroupSize?: number): Session {
    const { graph, layout, state } = golden.teacher;
    const session = engine.openSession({ graph, layout, teacher: state, normGroupSize });
    session.load(golden.student.state);
    return session;
  }

  function batch(from: number, size: number): PixelBatch {
    const indices = Array.from({ length: size }, (_, i) => from + i);
    return unmovedBatch(
      golden.images,
      gatherPixels(golden.images, indices),
      golden.run.normalisation,
    );
  }

  /** Answers that no teacher gave, `[BATCH, classes]`. */
  function targets(): Float32Array {
    const { classes } = golden.teacher.graph;
    return Float32Array.from({ length: BATCH * classes }, (_, i) =>
      i % classes === Math.floor(i / classes) % classes ? 0.8 : 0.2 / (classes - 1),
    );
  }

  it("[D7] [D7.1] [D7.3] the gradient is the mean of the groups' own, statistics advance group by group", async () => {
    const grouped = open(GROUP);
    const whole = await grouped.gradient(batch(0, BATCH), SETTINGS);
    const { state, results } = await grouped.read();
    expect(results).toEqual([]);
    grouped.close();

    // A gradient moves the running statistics and no weight: the next group goes on from there.
    const composed = open();
    const mean = new Float64Array(whole.gradient.length);
    let loss = 0;
    let agreement = 0;
    const share = GROUP / BATCH;
    for (let start = 0; start < BATCH; start += GROUP) {
      const part = await composed.gradient(batch(start, GROUP), SETTINGS);
      part.gradient.forEach((value, i) => (mean[i]! += value * share));
      loss += part.loss * share;
      agreement += part.agreement * share;
    }
    expect((await composed.read()).state).toEqual(state);
    composed.close();
    // One rounding of the logits' gradient passes through 20 convolutions.
    expect(relativeError(whole.gradient, mean)).toBeLessThan(1e-5);
    expect(whole.loss).toBeCloseTo(loss, 12);
    expect(whole.agreement).toBeCloseTo(agreement, 12);

    const ungrouped = open();
    const other = await ungrouped.gradient(batch(0, BATCH), SETTINGS);
    expect(relativeError(other.gradient, mean), "groups make a difference").toBeGreaterThan(1e-2);
    ungrouped.close();
  });

  it("[D9.13] a group's copies take their own group's statistics", async () => {
    const { height, width, channels } = golden.teacher.graph.inputShape;
    const adversary: AdversarySettings = {
      weight: 0.7,
      share: 0.5,
      norm: "l2",
      radius: 9,
      stepLength: 1,
      scope: "universal",
      ascents: 0,
      restart: Float32Array.from({ length: height * width * channels }, (_, i) => Math.sin(i) / 4),
    };
    const grouped = open(GROUP);
    const plain = await grouped.gradient(batch(0, BATCH), SETTINGS);
    const { state } = await grouped.read();
    grouped.load(golden.student.state);
    const whole = await grouped.gradient(batch(0, BATCH), { ...SETTINGS, adversary });
    // Images and statistics do not know of copies; what is learnt does.
    expect((await grouped.read()).state).toEqual(state);
    expect([whole.loss, whole.agreement]).toEqual([plain.loss, plain.agreement]);
    expect(relativeError(whole.gradient, plain.gradient)).toBeGreaterThan(1e-2);
    grouped.close();

    const composed = open();
    const mean = new Float64Array(whole.gradient.length);
    for (let start = 0; start < BATCH; start += GROUP) {
      const part = await composed.gradient(batch(start, GROUP), { ...SETTINGS, adversary });
      part.gradient.forEach((value, i) => (mean[i]! += (value * GROUP) / BATCH));
    }
    expect((await composed.read()).state).toEqual(state);
    composed.close();
    expect(relativeError(whole.gradient, mean)).toBeLessThan(1e-5);
  });

  it("[D7.3] a step takes one optimiser step along that gradient", async () => {
    const { layout, state: start } = golden.student;
    const session = open(GROUP);
    const undecayed = { ...SETTINGS, weightDecay: 0 };
    const { gradient, loss, agreement } = await session.gradient(batch(0, BATCH), undecayed);
    const { state: advanced } = await session.read();
    session.load(start);
    await session.step(batch(0, BATCH), undecayed);
    const { state, results } = await session.read();
    expect(results).toEqual([{ loss, agreement }]);
    expect(state.subarray(layout.trainableLength)).toEqual(
      advanced.subarray(layout.trainableLength),
    );
    const moved = gradient.map((_, i) => (start[i]! - state[i]!) / SETTINGS.learningRate);
    expect(relativeError(moved, gradient)).toBeLessThan(1e-4);
    session.close();
  });

  it("[D7] given answers go to the group their image is in", async () => {
    const { classes } = golden.teacher.graph;
    const grouped = open(GROUP);
    await grouped.superviseStep(batch(0, BATCH), targets(), SETTINGS);
    const { state, results } = await grouped.read();
    grouped.close();
    let loss = 0;
    const sum = new Float64Array(golden.student.layout.trainableLength);
    const composed = open();
    for (let start = 0; start < BATCH; start += GROUP) {
      composed.load(golden.student.state);
      const rows = targets().subarray(start * classes, (start + GROUP) * classes);
      await composed.superviseStep(batch(start, GROUP), rows, SETTINGS);
      const part = await composed.read();
      loss += part.results[0]!.loss * (GROUP / BATCH);
      // A first step is linear in the gradient, weight decay included.
      sum.forEach((_, i) => (sum[i]! += part.state[i]! * (GROUP / BATCH)));
    }
    composed.close();
    expect(results[0]!.loss).toBeCloseTo(loss, 6);
    expect(relativeError(state.subarray(0, sum.length), sum)).toBeLessThan(1e-6);
  });

  it("[D7] training-mode logits are those of each group alone", async () => {
    const grouped = open(GROUP);
    const logits = await grouped.trainingLogits(batch(0, BATCH));
    grouped.close();
    const alone = open();
    const { classes } = golden.teacher.graph;
    for (let start = 0; start < BATCH; start += GROUP) {
      expect(logits.subarray(start * classes, (start + GROUP) * classes)).toEqual(
        await alone.trainingLogits(batch(start, GROUP)),
      );
    }
    alone.close();
  });

  it("a group as large as the batch is the batch; evaluation knows no groups", async () => {
    const outcomes = [];
    for (const size of [undefined, BATCH]) {
      const session = open(size);
      for (let step = 0; step < 2; step++) await session.step(batch(step * BATCH, BATCH), SETTINGS);
      outcomes.push([await session.read(), await session.logits("student", batch(0, BATCH + 1))]);
      session.close();
    }
    expect(outcomes[1]).toEqual(outcomes[0]);
  });

  it("refuses a batch that groups do not divide", async () => {
    for (const [size, group] of [
      [6, 4],
      [2, 4],
      [4, 1.5],
      [4, 0],
    ] as const) {
      const session = open(group);
      await expect(session.step(batch(0, size), SETTINGS)).rejects.toMatchObject({
        code: "invalid-input",
        message: `a batch of ${size} images does not split into norm groups of ${group}; its size must be a multiple of theirs`,
      });
      session.close();
    }
  });
});
