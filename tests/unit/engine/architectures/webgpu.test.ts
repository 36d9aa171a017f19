import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Engine } from "../../../../client/engine/engine.ts";
import { nodeEnvironment } from "../../../../client/engine/opening/node-environment.ts";
import { openWebgpuEngine } from "../../../../client/engine/webgpu/webgpu-engine.ts";
import { readFixture } from "../../../fixtures/architectures/read-fixture.ts";
import { compareWithPytorch } from "./compare.ts";

// One of few pipelines: an adapter in software compiles those of a MobileNetV3 for minutes, whose
// operations the numerics suite has.
describe("on WebGPU a whole network is what PyTorch has it", () => {
  let engine: Engine;
  beforeAll(async () => {
    engine = await openWebgpuEngine(await nodeEnvironment().gpu(), { software: true });
  });
  afterAll(() => engine?.close());

  it("vit-timm", async () => {
    const fixture = await readFixture("vit-timm");
    const { gradient, logits, loss } = await compareWithPytorch(engine, fixture);
    expect(logits).toBeLessThan(1e-4);
    expect(loss).toBeLessThan(1e-4);
    expect(gradient.difference, gradient.tensor).toBeLessThan(1e-3);
  });
});
