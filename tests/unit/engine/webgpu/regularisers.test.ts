import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import type { SessionReading, StepSettings } from "../../../../client/engine/engine.ts";
import { regularisersIn, type RegulariserName } from "../../../../client/engine/regularisers.ts";
import { planExecutable } from "../../../../client/engine/webgpu/executable.ts";
import { defaultTiles, type Tiles } from "../../../../client/engine/webgpu/tiles/tiles.ts";
import type { WebgpuEngine } from "../../../../client/engine/webgpu/webgpu-engine.ts";
import { resnet18 } from "../../../../protocol/model/architectures/resnet18.ts";
import { stateLayout } from "../../../../protocol/model/state-layout.ts";
import { comparisons, expectOutcome } from "../numerics/closeness.ts";
import { GraphBuilder } from "../numerics/graph-builder.ts";
import { decidableCase } from "../numerics/decidable-case.ts";
import { drawCase, onEngine, type Scenario } from "../numerics/numeric-case.ts";
import { randomBatch, type RandomGraph } from "../numerics/random-graph.ts";
import { ReferenceSession } from "../numerics/reference-session.ts";
import "../numerics/to-be-allclose.ts";
import { openOurs, SETTINGS } from "./small-training.ts";

const BATCH = 6;
const GROUP = 2;
const ADVERSARY = {
  weight: 0.5,
  share: 0.5,
  norm: "l2",
  radius: 1,
  stepLength: 0.4,
  scope: "universal",
  ascents: 0,
} as const;
const BOTH = { sharpness: { rho: 0.4 }, headShift: { weight: 0.2 } };
const KINDS: readonly Partial<StepSettings>[] = [
  { ...BOTH, adversary: ADVERSARY },
  { sharpness: BOTH.sharpness, adversary: { ...ADVERSARY, scope: "per-image", ascents: 1 } },
];
const ALONE = defaultTiles(true, true);
const TOGETHER: Tiles = { ...ALONE, cooperation: defaultTiles(false, true).cooperation };

/** Few kernels: an emulated device compiles slowly. */
function network(channels = 8): RandomGraph {
  const net = new GraphBuilder({ height: 3, width: 2, channels: 4 });
  const features = net.relu(net.norm(net.conv(net.image, { channels, kernel: 1 })));
  const graph = net.graph(net.linear(net.pool(features), 3));
  return { graph, layout: stateLayout(graph) };
}

const drawn = drawCase(network(), GROUP, 5);

let engine: WebgpuEngine;
beforeAll(async () => {
  engine = await openOurs();
});
afterAll(async () => engine.close());

async function train(
  on: WebgpuEngine,
  beforeStep: (number: number) => Promise<void> = async () => {},
): Promise<SessionReading & { readonly gradient: Float32Array }> {
  return onEngine(on, drawn, async (session) => {
    for (const [number, kind] of KINDS.entries()) {
      await beforeStep(number);
      await session.step(randomBatch(drawn.graph, BATCH, number), { ...SETTINGS, ...kind });
    }
    await beforeStep(KINDS.length);
    const { gradient } = await session.gradient(randomBatch(drawn.graph, BATCH, 9), {
      ...SETTINGS,
      ...KINDS[0],
    });
    return { ...(await session.read()), gradient };
  });
}

/** Bytes with which every kind of step goes through one norm group at a time. */
function leastMemory(): number {
  const request = { mode: "distil", size: BATCH, groupSize: GROUP, input: "values" } as const;
  const sizes = KINDS.map(({ adversary, headShift, sharpness }) => {
    const copies = { perGroup: 1, perImage: adversary?.scope === "per-image" };
    const { room } = planExecutable(
      { ...drawn, tiles: ALONE },
      {
        ...request,
        adversary: adversary && { copies, norm: adversary.norm, ascents: adversary.ascents },
        regularisers: regularisersIn({ headShift, sharpness }),
        finish: "descend",
      },
      { bytes: Infinity, mostGroups: 1 },
    );
    return room.arena;
  });
  return Math.max(...sizes);
}

/** Two steps with head shift and sharpness, then a gradient. */
const scenario: Scenario = async (session, { graph, seed }) => {
  const images = randomBatch(graph, 2 * GROUP, seed);
  await session.step(images, { ...SETTINGS, ...BOTH });
  await session.step(images, { ...SETTINGS, ...BOTH });
  const { results, state } = await session.read();
  const gradient = await session.gradient(images, { ...SETTINGS, ...BOTH });
  return { results, states: [state], gradient };
};

describe("what regularisers cost on WebGPU", () => {
  it.each([
    ["hardware", false],
    ["software", true],
  ])(
    "is less than twice as much for sharpness, and two dispatches for a head shift: %s",
    (_, software) => {
      const graph = resnet18({ width: 64, classes: 10 });
      const context = { graph, layout: stateLayout(graph), tiles: defaultTiles(software, true) };
      const request = { mode: "distil", size: 128, groupSize: 32, input: "pixels" } as const;
      const budget = { bytes: 2 ** 31, mostGroups: Infinity };
      const plan = (...regularisers: RegulariserName[]) =>
        planExecutable(context, { ...request, regularisers, finish: "descend" }, budget);
      const count = (...regularisers: RegulariserName[]): number =>
        plan(...regularisers).phases.flat().length;
      const plain = count();
      // Its gradient is added to once, and the layer brought to its length.
      expect(count("headShift")).toBe(plain + 2);
      const sharp = count("sharpness");
      // The teacher's pass is there once.
      expect(sharp).toBeLessThan(2 * plain);
      expect(count("sharpness", "headShift")).toBe(sharp + 3);
      // θ is kept beside activations.
      const { room } = plan("sharpness");
      const weights = 4 * context.layout.trainableLength;
      expect(room.arena).toBeLessThan(plan().room.arena + 1.05 * weights);
    },
  );

  it("is no submit more, and nothing is created after the first step", async () => {
    await onEngine(engine, drawn, async (session) => {
      for (const kind of KINDS) {
        const step = (number: number) =>
          session.step(randomBatch(drawn.graph, BATCH, number), { ...SETTINGS, ...kind });
        await step(0);
        const { dispatches: _, ...before } = { ...engine.counters };
        for (let number = 1; number < 3; number++) await step(number);
        const { dispatches: __, ...after } = engine.counters;
        expect(after).toEqual({ ...before, submits: before.submits + 2 });
      }
    });
  });
});

describe("regularised steps on WebGPU", () => {
  const others: WebgpuEngine[] = [];
  afterEach(async () => {
    for (const other of others.splice(0)) await other.close();
  });

  async function open(options: Parameters<typeof openOurs>[0]): Promise<WebgpuEngine> {
    const other = await openOurs(options);
    others.push(other);
    return other;
  }

  it("are the same in micro-batches, in many submits, and when the device is lost", async () => {
    const { dispatches, submits } = engine.counters;
    const whole = await train(engine);
    const taken = engine.counters.dispatches - dispatches;
    const submitted = engine.counters.submits - submits;
    expect(whole.results).toHaveLength(KINDS.length);

    const cut = await open({ memoryLimit: leastMemory() });
    expect(await train(cut)).toEqual(whole);
    expect(cut.counters.dispatches).toBeGreaterThan(1.5 * taken);

    const slow = await open({ submitBudgetMs: 1e-6 });
    expect(await train(slow)).toEqual(whole);
    expect(slow.counters.submits).toBeGreaterThan(10 * submitted);

    const disturbed = await train(engine, async (number) => {
      if (number === 1) (await engine.device()).gpu.destroy();
    });
    expect(disturbed).toEqual(whole);
  });

  it("leave the student where it is for a gradient", async () => {
    await onEngine(engine, drawn, async (session) => {
      const batch = randomBatch(drawn.graph, BATCH, 1);
      await session.gradient(batch, { ...SETTINGS, ...BOTH });
      const { state } = await session.read();
      const { trainableLength } = drawn.layout;
      expect(state.subarray(0, trainableLength)).toEqual(
        drawn.student.subarray(0, trainableLength),
      );
    });
  });

  it("are the reference's by many invocations together", async () => {
    const together = await open({ tiles: TOGETHER });
    // More weights than a workgroup has invocations, in the head as in all.
    const { drawn: at, expected } = await decidableCase(network(130), GROUP, 3, scenario);
    expectOutcome(at, await onEngine(together, at, scenario), expected);
  });

  it("are near the reference's in half precision, where no rectifier is in doubt", async () => {
    const half = await open({ precision: "f16" });
    for (let seed = 0; seed < 300; seed++) {
      const at = drawCase(network(), GROUP, seed);
      const exact = new ReferenceSession(at);
      exact.load(at.student);
      const expected = await scenario(exact, at);
      if (Math.min(exact.rectifierMargin, exact.smallestLead) < 3e-3) continue;
      const found = await onEngine(half, at, scenario);
      for (const { what, actual, expected: wanted, closeness } of comparisons(
        at,
        found,
        expected,
        2e-2,
      )) {
        expect(actual, what).toBeAllclose(wanted, closeness);
      }
      return;
    }
    throw new Error("no draw keeps its rectifiers' distance");
  });
});
