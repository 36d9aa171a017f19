import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { planExecutable } from "../../../../client/engine/webgpu/executable.ts";
import { defaultTiles, type Tiles } from "../../../../client/engine/webgpu/tiles/tiles.ts";
import type { WebgpuEngine } from "../../../../client/engine/webgpu/webgpu-engine.ts";
import type { Dispatch } from "../../../../client/engine/webgpu/wgsl/shader.ts";
import { stateLayout } from "../../../../protocol/model/state-layout.ts";
import { expectOutcome } from "../numerics/closeness.ts";
import { GraphBuilder } from "../numerics/graph-builder.ts";
import { decidableCase } from "../numerics/decidable-case.ts";
import { onEngine, type Scenario } from "../numerics/numeric-case.ts";
import { SETTINGS, supervisedScenario } from "../numerics/scenarios.ts";
import { randomBatch, type RandomGraph } from "../numerics/random-graph.ts";
import { openOurs } from "./small-training.ts";

const GROUP = 2;
const BATCH = 6;

/** One invocation an image, as on an emulated device, and many, as on a GPU. */
const ALONE = defaultTiles(true, true);
const TOGETHER: Tiles = { ...ALONE, cooperation: defaultTiles(false, true).cooperation };

/** Nothing but a head, on images of 2×3 positions. */
function bareHead(channels: number, classes: number): RandomGraph {
  const net = new GraphBuilder({ height: 2, width: 3, channels });
  const graph = net.graph(net.linear(net.pool(net.image), classes));
  return { graph, layout: stateLayout(graph) };
}

/** A head that reads a rectified norm, which is not stored; each norm group by its own factors. */
function normedHead(): RandomGraph {
  const net = new GraphBuilder({ height: 2, width: 3, channels: 3 });
  const block = net.relu(net.norm(net.conv(net.image, { channels: 9, kernel: 1 })));
  const graph = net.graph(net.linear(net.pool(block), 5));
  return { graph, layout: stateLayout(graph) };
}

/** One executable's worth of work: the steps that `gradientScenario` takes around it are others'. */
const gradientOnly: Scenario = async (session, { graph, seed }) => ({
  gradient: await session.gradient(randomBatch(graph, BATCH, seed), SETTINGS[1]),
});

function dispatchesOf({ graph, layout }: RandomGraph, tiles: Tiles): Dispatch[] {
  const { phases } = planExecutable(
    { graph, layout, tiles },
    {
      mode: "distil",
      size: BATCH,
      groupSize: GROUP,
      input: "values",
      regularisers: [],
      finish: "descend",
    },
    { bytes: Infinity, mostGroups: Infinity },
  );
  return phases.flat();
}

function labelsOf(network: RandomGraph, tiles: Tiles): string[] {
  return dispatchesOf(network, tiles).map(({ label }) => label);
}

/** Bytes of the shared memory that a shader declares. */
function sharedBytes({ code }: Dispatch): number {
  const sizes = { vec4f: 16, f32: 4 };
  const arrays = [...code.matchAll(/var<workgroup> \w+: array<(vec4f|f32), (\d+)>/g)];
  expect(arrays).toHaveLength(code.split("var<workgroup>").length - 1);
  return arrays.reduce(
    (sum, [, element, length]) => sum + sizes[element as keyof typeof sizes] * Number(length),
    0,
  );
}

describe.each([
  ["one invocation to an image", ALONE],
  ["a workgroup to an image", TOGETHER],
])("the fused head with %s", (_, tiles) => {
  let engine: WebgpuEngine;
  beforeAll(async () => {
    engine = await openOurs({ tiles });
  });
  afterAll(async () => engine.close());

  async function expectReference(network: RandomGraph, scenario: Scenario): Promise<void> {
    expect(labelsOf(network, tiles)).toContain("head");
    const { drawn, expected } = await decidableCase(network, GROUP, 3, scenario);
    expectOutcome(drawn, await onEngine(engine, drawn, scenario), expected);
  }

  // Few classes are shared among invocations; channels in fours and not; of both more than those.
  it.each([
    [3, 2],
    [261, 10],
    [8, 150],
  ])("agrees with the reference on %i channels and %i classes", async (channels, classes) => {
    await expectReference(bareHead(channels, classes), gradientOnly);
  });

  it("agrees with the reference where the host gives the answers", async () => {
    await expectReference(bareHead(5, 7), supervisedScenario(BATCH));
  });
});

describe("the fused head behind a norm", () => {
  it("agrees with the reference, to the same bits in micro-batches", async () => {
    const network = normedHead();
    const engine = await openOurs({ tiles: TOGETHER });
    const { drawn, expected } = await decidableCase(network, GROUP, 3, gradientOnly);
    const whole = await onEngine(engine, drawn, gradientOnly);
    expectOutcome(drawn, whole, expected);
    const { dispatches } = engine.counters;
    await engine.close();
    const cut = await openOurs({ tiles: TOGETHER, memoryLimit: 4 * 1024 });
    expect(await onEngine(cut, drawn, gradientOnly)).toEqual(whole);
    expect(cut.counters.dispatches).toBeGreaterThan(2 * dispatches);
    await cut.close();
  });
});

describe("a head that would need more shared memory than every device has", () => {
  it.each([
    ["one invocation", ALONE],
    ["a workgroup", TOGETHER],
  ])("is computed in pieces: %s to an image", (_, tiles) => {
    for (const channels of [1, 512]) {
      let most = 1;
      for (let step = 2048; step >= 1; step /= 2) {
        const labels = labelsOf(bareHead(channels, most + step), tiles);
        expect(labels.includes("loss")).toBe(!labels.includes("head"));
        if (labels.includes("head")) most += step;
      }
      const dispatches = dispatchesOf(bareHead(channels, most), tiles);
      const bytes = sharedBytes(dispatches.find(({ label }) => label === "head")!);
      expect(bytes).toBeLessThanOrEqual(16_384);
      expect(bytes).toBeGreaterThan(16_384 - 16);
    }
  });

  it("agrees with the reference all the same", async () => {
    const network = bareHead(2, 2100);
    expect(labelsOf(network, ALONE)).toContain("loss");
    const engine = await openOurs({ tiles: ALONE });
    const { drawn, expected } = await decidableCase(network, GROUP, 1, gradientOnly);
    expectOutcome(drawn, await onEngine(engine, drawn, gradientOnly), expected);
    await engine.close();
  });
});
