import { afterEach, describe, expect, it } from "vitest";
import { planExecutable } from "../../../../client/engine/webgpu/executable.ts";
import { defaultTiles } from "../../../../client/engine/webgpu/tiles/tiles.ts";
import type { WebgpuEngine } from "../../../../client/engine/webgpu/webgpu-engine.ts";
import { resnet18 } from "../../../../protocol/model/architectures/resnet18.ts";
import { stateLayout } from "../../../../protocol/model/state-layout.ts";
import {
  leastMemory,
  openOurs,
  openSmallSession,
  SETTINGS,
  pixelBatch,
  smallStudent,
  train,
} from "./small-training.ts";

let engine: WebgpuEngine | undefined;
afterEach(async () => {
  await engine?.close();
  engine = undefined;
});

describe("what a step of distillation costs on WebGPU", () => {
  it.each([
    ["hardware", false],
    ["software", true],
  ])("is at most 175 dispatches for ResNet-18 on %s", (_, software) => {
    const graph = resnet18({ width: 64, classes: 10 });
    const context = { graph, layout: stateLayout(graph), tiles: defaultTiles(software, true) };
    const { phases, arenaBytes } = planExecutable(
      context,
      {
        mode: "distil",
        size: 128,
        groupSize: 32,
        input: "pixels",
        regularisers: [],
        finish: "descend",
      },
      { bytes: 2 ** 31, mostGroups: Infinity },
    );
    const dispatches = phases.flat();
    expect(dispatches.length).toBeLessThanOrEqual(175);
    // From the last feature maps of both networks to the gradient of the student's.
    const labels = dispatches.map(({ label }) => label);
    expect(labels.filter((label) => /head|pool|linear|loss/.test(label))).toEqual([
      "head",
      "head-sums",
    ]);
    // The optimiser is one of them.
    expect(phases.at(-1)).toHaveLength(1);
    expect(arenaBytes).toBeLessThan(700e6);
    for (const { workgroups } of dispatches) {
      expect(Math.max(...workgroups)).toBeLessThanOrEqual(65_535);
    }
  });

  it("is one submit, and nothing is created after the first step", async () => {
    engine = await openOurs();
    const session = openSmallSession(engine);
    session.load(smallStudent());
    await session.step(pixelBatch(0), SETTINGS);
    const first = { ...engine.counters };
    for (let step = 1; step < 4; step++) await session.step(pixelBatch(step), SETTINGS);
    const { dispatches, ...after } = engine.counters;
    expect(after).toEqual({
      submits: first.submits + 3,
      maps: 0,
      buffersCreated: first.buffersCreated,
      bindGroupsCreated: first.bindGroupsCreated,
      pipelinesCreated: first.pipelinesCreated,
    });
    expect(dispatches).toBe(4 * first.dispatches);
  });

  it("is one map a round, and the next round creates nothing", async () => {
    engine = await openOurs();
    const session = openSmallSession(engine);
    await train(session, 3);
    const first = { ...engine.counters };
    expect(first.maps).toBe(1);
    const { results } = await train(session, 3);
    expect(results).toHaveLength(3);
    expect(engine.counters).toMatchObject({
      maps: 2,
      buffersCreated: first.buffersCreated,
      bindGroupsCreated: first.bindGroupsCreated,
      pipelinesCreated: first.pipelinesCreated,
    });
  });
});

describe("steps that do not fit", () => {
  it("are cut into several submits, to the same bits", async () => {
    engine = await openOurs();
    const whole = await train(openSmallSession(engine), 3);
    const { submits } = engine.counters;
    await engine.close();
    engine = await openOurs({ submitBudgetMs: 1e-6 });
    expect(await train(openSmallSession(engine), 3)).toEqual(whole);
    expect(engine.counters.submits).toBeGreaterThan(10 * submits);
  });

  it("are worked through in micro-batches of norm groups, to the same bits", async () => {
    engine = await openOurs();
    const session = openSmallSession(engine);
    const whole = await train(session, 3);
    const { gradient } = await session.gradient(pixelBatch(4), SETTINGS);
    const logits = await session.trainingLogits(pixelBatch(5));
    const { dispatches } = engine.counters;
    await engine.close();
    engine = await openOurs({ memoryLimit: leastMemory() });
    const cut = openSmallSession(engine);
    expect(await train(cut, 3)).toEqual(whole);
    expect((await cut.gradient(pixelBatch(4), SETTINGS)).gradient).toEqual(gradient);
    expect(await cut.trainingLogits(pixelBatch(5))).toEqual(logits);
    expect(engine.counters.dispatches).toBeGreaterThan(2 * dispatches);
  });

  it("are refused where not even one norm group has room", async () => {
    engine = await openOurs({ memoryLimit: leastMemory() - 1 });
    const session = openSmallSession(engine);
    session.load(smallStudent());
    await expect(session.step(pixelBatch(0), SETTINGS)).rejects.toMatchObject({
      code: "device-failed",
      message: expect.stringMatching(/2 images need 1 MiB at once/) as string,
    });
  });
});
