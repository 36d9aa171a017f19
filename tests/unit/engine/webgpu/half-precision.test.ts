import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Session } from "../../../../client/engine/engine.ts";
import { lossScaleOf } from "../../../../client/engine/webgpu/loss-scale.ts";
import { judge, tryHalves } from "../../../../client/engine/opening/precision-gate.ts";
import type { WebgpuEngine } from "../../../../client/engine/webgpu/webgpu-engine.ts";
import { relativeError } from "../../../../scripts/golden/reproduce.ts";
import { comparisons } from "../numerics/closeness.ts";
import {
  drawCase,
  onEngine,
  type NumericCase,
  type Outcome,
  type Scenario,
} from "../numerics/numeric-case.ts";
import { graphAt, PLACES, type Sizes } from "../numerics/places.ts";
import { randomBatch, type RandomGraph } from "../numerics/random-graph.ts";
import { ReferenceSession } from "../numerics/reference-session.ts";
import { smallGraph } from "../small-graph.ts";
import "../numerics/to-be-allclose.ts";
import {
  leastMemory,
  openOurs,
  openSmallSession,
  pixelBatch,
  SETTINGS,
  smallStudent,
  train,
} from "./small-training.ts";

/**
 * Relative L2 error of a tensor where no rectifier is in doubt. A half has 11 bits, so what is
 * stored is off by some 2⁻¹² of itself; a dozen of those at random come to 10⁻³, and norms and
 * cancelling sums magnify that a little.
 */
const L2 = 4e-3;
/** Of a value's distance from a rectifier's threshold: several roundings of a value of 1. */
const UNDECIDABLE = 1.5e-3;

const IMAGES = 4;
const STEPS = 8;

let single: WebgpuEngine;
let half: WebgpuEngine;
beforeAll(async () => {
  single = await openOurs();
  half = await openOurs({ precision: "f16" });
});
afterAll(async () => {
  await single.close();
  await half.close();
});

const gradientScenario: Scenario = async (session, { graph, seed }) => {
  const images = randomBatch(graph, IMAGES, seed);
  return { gradient: await session.gradient(images, { temperature: 2, weightDecay: 0.01 }) };
};

/** A case in which halves take every rectifier's side as float64 does, and what float64 sees. */
async function robustCase(
  network: RandomGraph,
): Promise<{ drawn: NumericCase; expected: Outcome }> {
  for (let seed = 0; seed < 500; seed++) {
    const drawn = drawCase(network, undefined, seed);
    const exact = new ReferenceSession(drawn);
    exact.load(drawn.student);
    const expected = await gradientScenario(exact, drawn);
    if (Math.min(exact.rectifierMargin, exact.smallestLead) > UNDECIDABLE) {
      return { drawn, expected };
    }
  }
  throw new Error("no draw keeps its rectifiers' distance");
}

/** A student whose first convolution gives values far beyond what a half can hold. */
function exploded(): Float32Array {
  const { layout } = smallGraph();
  const first = layout.entries.find(({ name }) => name === "a.weight")!;
  return smallStudent().map((value, i) =>
    i >= first.offset && i < first.offset + first.size ? 1e6 * value : value,
  );
}

async function withSession<T>(
  engine: WebgpuEngine,
  use: (session: Session) => Promise<T>,
): Promise<T> {
  const session = openSmallSession(engine);
  try {
    return await use(session);
  } finally {
    session.close();
  }
}

function gradientAt(engine: WebgpuEngine, temperature: number): Promise<Float32Array> {
  return withSession(engine, async (session) => {
    session.load(smallStudent());
    const settings = { temperature, weightDecay: 0 };
    return (await session.gradient(pixelBatch(0), settings)).gradient;
  });
}

describe("activations in half precision", () => {
  const base: Sizes = {
    height: 3,
    width: 3,
    imageChannels: 3,
    stemChannels: 4,
    channels: 8,
    kernel: 3,
    stride: 2,
    padding: 1,
    grouping: 2,
    classes: 5,
    norm: [IMAGES, 1],
    seed: 1,
  };
  it.each([
    ["a bottleneck around a grouped convolution", base],
    // One channel a group: float32, between halves.
    ["a depthwise separable convolution", { ...base, stride: 1 }],
    // Halves, as a depthwise convolution works on all channels alike.
    ["an inverted residual around a depthwise convolution", base],
    // What was given to an activation is kept in halves, too.
    ["SiLU behind a norm, a convolution and a sum", base],
    // Two heads of four channels, so that tokens are halves and scores are not.
    ["a transformer's block behind a class token and positions", { ...base, classes: 4 }],
    ["poolings of normalised values, and a norm of them", { ...base, kernel: 1 }],
    // Read value by value, written as vectors.
    ["halves of the channels, shuffled", base],
    ["a dense layer, flattened channels first", { ...base, kernel: 1 }],
  ] as const)("give the reference's gradient: %s", async (title, sizes) => {
    const place = PLACES.find((one) => one.title === title)!;
    const { drawn, expected } = await robustCase(graphAt(place, sizes));
    const outcome = await onEngine(half, drawn, gradientScenario);
    for (const pair of comparisons(drawn, outcome, expected, L2)) {
      expect(pair.actual, pair.what).toBeAllclose(pair.expected, pair.closeness);
    }
    // Float32 would be nearer: halves were indeed what was stored.
    const error = relativeError(outcome.gradient!.gradient, expected.gradient!.gradient);
    expect(error).toBeGreaterThan(1e-5);
  });

  it("distil to the loss of float32, and to the same bits every time", async () => {
    const expected = await withSession(single, (session) => train(session, STEPS));
    const given = await withSession(half, (session) => train(session, STEPS));
    const losses = given.results.map(({ loss }) => loss);
    expect(losses).toBeAllclose(
      expected.results.map(({ loss }) => loss),
      { l2: 5e-3 },
    );
    const start = smallStudent();
    const change = (state: Float32Array) => state.map((value, i) => value - start[i]!);
    expect(relativeError(change(given.state), change(expected.state))).toBeLessThan(2e-2);
    expect(await withSession(half, (session) => train(session, STEPS))).toEqual(given);
  });

  it("survive a lost device and micro-batches to the same bits", async () => {
    const engine = await openOurs({ precision: "f16", memoryLimit: leastMemory("f16") });
    const whole = await withSession(half, (session) => train(session, STEPS));
    const cut = await withSession(engine, (session) =>
      train(session, STEPS, async (step) => {
        if (step === 3) (await engine.device()).gpu.destroy();
      }),
    );
    expect(cut).toEqual(whole);
    await engine.close();
  });

  it("say so when a half cannot hold a value, and go on with another student", async () => {
    const refusal = {
      code: "device-failed",
      message: expect.stringMatching(/65504.*use precision f32/) as string,
    };
    await withSession(half, async (session) => {
      session.load(exploded());
      await session.step(pixelBatch(0), SETTINGS);
      await expect(session.results()).rejects.toMatchObject(refusal);
      session.load(exploded());
      await expect(session.gradient(pixelBatch(0), SETTINGS)).rejects.toMatchObject(refusal);
      await expect(session.trainingLogits(pixelBatch(0))).rejects.toMatchObject(refusal);
      session.load(smallStudent());
      await session.step(pixelBatch(0), SETTINGS);
      expect(await session.results()).toHaveLength(1);
      expect(await session.trainingLogits(pixelBatch(0))).toHaveLength(18);
    });
    // Float32 holds them.
    await withSession(single, async (session) => {
      session.load(exploded());
      await session.step(pixelBatch(0), SETTINGS);
      expect(await session.results()).toHaveLength(1);
    });
  });
});

describe("the loss scale", () => {
  it("is a power of two that outweighs the batch, and nothing in float32", () => {
    for (const images of [1, 2, 6, 100, 128, 129, 4096]) {
      const scale = lossScaleOf("f16", images);
      expect(Math.log2(scale) % 1).toBe(0);
      expect(scale / images).toBeGreaterThanOrEqual(256);
      expect(scale / images).toBeLessThan(512);
      expect(lossScaleOf("f32", images)).toBe(1);
    }
  });

  it("keeps gradients that a half could not hold without it", async () => {
    // The gradient falls with the square of a high temperature.
    const temperature = 1000;
    const expected = await gradientAt(single, temperature);
    expect(relativeError(await gradientAt(half, temperature), expected)).toBeLessThan(2e-2);
    // Where the scale no longer helps is where there would be nothing without it at 1000.
    const unhelped = temperature * Math.sqrt(lossScaleOf("f16", 6));
    const lost = await gradientAt(half, unhelped);
    expect(relativeError(lost, await gradientAt(single, unhelped))).toBeGreaterThan(0.2);
  });
});

describe("the gate that halves must pass", () => {
  it("lets through what is near and faster, and nothing else", () => {
    expect(judge(0.05, 1.5).chosen).toBe("f16");
    expect(judge(0.05, 1).chosen).toBe("f32");
    expect(judge(0.2, 1.5).chosen).toBe("f32");
    expect(judge(Number.NaN, 1.5).chosen).toBe("f32");
    expect(judge(0.05, Number.NaN).chosen).toBe("f32");
  });

  it("compares a gradient and the speed of both", async () => {
    const { graph, layout, state } = smallGraph();
    const problem = { graph, layout, teacher: state, normGroupSize: 2, batch: pixelBatch(0) };
    const trial = await tryHalves(single, half, { ...problem, student: smallStudent() }, 1);
    if ("refusal" in trial) throw new Error(trial.refusal);
    expect(trial.gradientError).toBeGreaterThan(0);
    expect(trial.gradientError).toBeLessThan(2e-2);
    expect(trial.speedup).toBeGreaterThan(0);
    expect(trial.chosen).toBe(judge(trial.gradientError, trial.speedup).chosen);
    const overflowing = await tryHalves(single, half, { ...problem, student: exploded() }, 1);
    expect(overflowing).toMatchObject({
      chosen: "f32",
      refusal: expect.stringMatching(/65504/) as string,
    });
  });
});
