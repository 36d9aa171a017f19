import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import type { AdversarySettings } from "../../../../client/engine/adversary-settings.ts";
import type { Session, SessionReading } from "../../../../client/engine/engine.ts";
import { planExecutable } from "../../../../client/engine/webgpu/executable.ts";
import { defaultTiles, type Tiles } from "../../../../client/engine/webgpu/tiles/tiles.ts";
import type { WebgpuEngine } from "../../../../client/engine/webgpu/webgpu-engine.ts";
import { fieldLength } from "../../../../client/engine/host/warp-field.ts";
import { resnet18 } from "../../../../protocol/model/architectures/resnet18.ts";
import { stateLayout } from "../../../../protocol/model/state-layout.ts";
import { expectOutcome } from "../numerics/closeness.ts";
import { GraphBuilder } from "../numerics/graph-builder.ts";
import { decidableCase } from "../numerics/decidable-case.ts";
import { drawCase, onEngine, type Scenario } from "../numerics/numeric-case.ts";
import { randomBatch, type RandomGraph } from "../numerics/random-graph.ts";
import { ReferenceSession } from "../numerics/reference-session.ts";
import "../numerics/to-be-allclose.ts";
import { openOurs, SETTINGS } from "./small-training.ts";

const BATCH = 6;
const GROUP = 2;
const FREE: AdversarySettings = {
  weight: 0.5,
  share: 0.5,
  norm: "l2",
  radius: 1,
  stepLength: 0.4,
  scope: "universal",
  ascents: 0,
};
const WARP = { grid: 3, radius: 0.7, step: 0.5 };
const PATTERN = Float32Array.from({ length: 24 }, (_, i) => 0.3 * Math.sin(2 * i));
const KINDS: readonly AdversarySettings[] = [
  FREE,
  { ...FREE, ascents: 2, warp: WARP },
  { ...FREE, scope: "per-image", ascents: 1, pattern: PATTERN },
];

const ALONE = defaultTiles(true, true);
const TOGETHER: Tiles = { ...ALONE, cooperation: defaultTiles(false, true).cooperation };

/** Few kernels: an emulated device compiles slowly. */
function network(height = 3, width = 2): RandomGraph {
  const net = new GraphBuilder({ height, width, channels: 4 });
  const features = net.relu(net.norm(net.conv(net.image, { channels: 8, kernel: 1 })));
  const graph = net.graph(net.linear(net.pool(features), 3));
  return { graph, layout: stateLayout(graph) };
}

const drawn = drawCase(network(), GROUP, 5);

const restart = Float32Array.from({ length: 24 }, (_, i) => 0.2 * Math.cos(i));

const FIELD = Float32Array.from({ length: fieldLength(WARP.grid) }, (_, i) => Math.sin(i));

/** Bytes that every kind of step needs to go through one norm group at a time. */
function leastMemory(): number {
  const request = { mode: "distil", size: BATCH, groupSize: GROUP, input: "values" } as const;
  const sizes = KINDS.map(({ norm, ascents, scope, warp }) => {
    const copies = { perGroup: 1, perImage: scope === "per-image", warpGrid: warp?.grid };
    const { room } = planExecutable(
      { ...drawn, tiles: ALONE },
      { ...request, adversary: { copies, norm, ascents }, regularisers: [], finish: "descend" },
      { bytes: Infinity, mostGroups: 1 },
    );
    return room.arena;
  });
  return Math.max(...sizes);
}

let engine: WebgpuEngine;
beforeAll(async () => {
  engine = await openOurs();
});
afterAll(async () => engine.close());

function step(session: Session, adversary: AdversarySettings, number = 0): Promise<void> {
  return session.step(randomBatch(drawn.graph, BATCH, number), { ...SETTINGS, adversary });
}

async function train(
  on: WebgpuEngine,
  beforeStep: (number: number) => Promise<void> = async () => {},
): Promise<SessionReading> {
  return onEngine(on, drawn, async (session) => {
    const warped = { ...FREE, warp: WARP, pattern: PATTERN };
    const steps = [...KINDS, FREE, { ...FREE, restart }, warped, { ...warped, field: FIELD }];
    for (const [number, adversary] of steps.entries()) {
      if (number === 4) session.load(drawn.student, "keep");
      await beforeStep(number);
      await step(session, adversary, number);
    }
    await beforeStep(steps.length);
    return session.read();
  });
}

describe("what an adversary costs on WebGPU", () => {
  it.each([
    ["hardware", false],
    ["software", true],
  ])("is at most 30 dispatches where the training pass gives the gradient: %s", (_, software) => {
    const graph = resnet18({ width: 64, classes: 10 });
    const context = { graph, layout: stateLayout(graph), tiles: defaultTiles(software, true) };
    const request = { mode: "distil", size: 128, groupSize: 32, input: "pixels" } as const;
    const adversary = {
      copies: { perGroup: 16, perImage: false },
      norm: "l2",
      ascents: 0,
    } as const;
    const budget = { bytes: 2 ** 31, mostGroups: Infinity };
    const [plain, free, ascending] = [undefined, adversary, { ...adversary, ascents: 1 }].map(
      (one) =>
        planExecutable(
          context,
          { ...request, adversary: one, regularisers: [], finish: "descend" },
          budget,
        ),
    );
    const count = ({ phases }: NonNullable<typeof plain>): number => phases.flat().length;
    expect(count(free!) - count(plain!)).toBeLessThanOrEqual(30);
    // The teacher's pass is there once; an evaluation and its way back have no filter gradients.
    expect(count(ascending!) - count(free!)).toBeLessThan(120);
    expect(free!.arenaBytes).toBeLessThan(1.6 * plain!.arenaBytes);
  });

  it("is two dispatches more at every ascent of a warp", () => {
    const graph = resnet18({ width: 64, classes: 10 });
    const context = { graph, layout: stateLayout(graph), tiles: defaultTiles(false, true) };
    const request = { mode: "distil", size: 128, groupSize: 32, input: "pixels" } as const;
    const count = (ascents: number, warpGrid: number | undefined): number => {
      const copies = { perGroup: 16, perImage: false, warpGrid };
      const adversary = { copies, norm: "l2", ascents } as const;
      const budget = { bytes: 2 ** 31, mostGroups: Infinity };
      const { phases } = planExecutable(
        context,
        { ...request, adversary, regularisers: [], finish: "descend" },
        budget,
      );
      return phases.flat().length;
    };
    expect(count(0, 8) - count(0, undefined)).toBe(2);
    expect(count(3, 8) - count(3, undefined)).toBe(6);
  });

  it("is no submit more, and nothing is created after the first step", async () => {
    await onEngine(engine, drawn, async (session) => {
      for (const adversary of KINDS) {
        await step(session, adversary);
        const first = { ...engine.counters };
        for (let number = 1; number < 3; number++) await step(session, adversary, number);
        const { dispatches: _, ...after } = engine.counters;
        const { dispatches: __, ...before } = first;
        expect(after).toEqual({ ...before, submits: before.submits + 2 });
      }
      const { maps, buffersCreated } = engine.counters;
      await session.read();
      expect(engine.counters).toMatchObject({ maps: maps + 1, buffersCreated });
    });
  });
});

describe("a perturbation on WebGPU", () => {
  const others: WebgpuEngine[] = [];
  afterEach(async () => {
    for (const other of others.splice(0)) await other.close();
  });

  it("[D7.3] is the same for a batch in micro-batches of norm groups", async () => {
    const { dispatches } = engine.counters;
    const whole = await train(engine);
    const taken = engine.counters.dispatches - dispatches;
    expect(whole.perturbation).toHaveLength(24 + fieldLength(WARP.grid));
    expect(whole.results).toHaveLength(3);
    const cut = await openOurs({ memoryLimit: leastMemory() });
    others.push(cut);
    expect(await train(cut)).toEqual(whole);
    expect(cut.counters.dispatches).toBeGreaterThan(1.5 * taken);
  });

  it.each([
    ["a student is loaded", 4],
    ["its last step, which sets the field", 7],
  ])("survives the device to the same bits, lost after %s", async (_, at) => {
    const undisturbed = await train(engine);
    const disturbed = await train(engine, async (number) => {
      if (number === at) (await engine.device()).gpu.destroy();
    });
    expect(disturbed).toEqual(undisturbed);
  });

  it("ascends like the reference by many invocations together", async () => {
    const together = await openOurs({ tiles: TOGETHER });
    others.push(together);
    const scenario: Scenario = async (session, { graph, seed }) => {
      const images = randomBatch(graph, 2 * GROUP, seed);
      for (const adversary of [FREE, { ...FREE, warp: WARP }]) {
        await session.step(images, { ...SETTINGS, adversary });
      }
      const { results, state, perturbation } = await session.read();
      return { results, states: [state], perturbations: { perturbation: perturbation! } };
    };
    // More values than a workgroup has invocations, and no multiple of them.
    const { drawn: at, expected } = await decidableCase(network(9, 11), GROUP, 3, scenario);
    expectOutcome(at, await onEngine(together, at, scenario), expected);
  });

  it("ascends the same way in half precision, where no rectifier is in doubt", async () => {
    const half = await openOurs({ precision: "f16" });
    others.push(half);
    const start = Float32Array.of(...restart, ...FIELD);
    const settings = { ...FREE, ascents: 1, warp: WARP, restart: start };
    const scenario = async (session: Session): Promise<Float32Array[]> => {
      await step(session, settings);
      const { perturbation } = await session.read();
      const answers = new Float32Array(BATCH * 3).fill(1 / 3);
      const batch = randomBatch(drawn.graph, BATCH, 9);
      const seen = await session.perturbedLogits("teacher", batch, restart, answers);
      return [perturbation!.slice(0, 24), perturbation!.slice(24), seen.gradient!];
    };
    for (let seed = 0; seed < 200; seed++) {
      const at = drawCase(network(), GROUP, seed);
      const exact = new ReferenceSession(at);
      exact.load(at.student);
      const expected = await scenario(exact);
      if (exact.rectifierMargin < 1.5e-3) continue;
      const found = await onEngine(half, at, scenario);
      found.forEach((values, i) => expect(values).toBeAllclose(expected[i]!, { l2: 1e-2 }));
      return;
    }
    throw new Error("no draw keeps its rectifiers' distance");
  });
});
