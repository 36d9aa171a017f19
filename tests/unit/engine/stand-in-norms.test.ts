import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Engine } from "../../../client/engine/engine.ts";
import { nodeEnvironment } from "../../../client/engine/opening/node-environment.ts";
import { openWasmEngine } from "../../../client/engine/wasm/wasm-engine.ts";
import { openWebgpuEngine } from "../../../client/engine/webgpu/webgpu-engine.ts";
import { importModel } from "../../../protocol/formats/import-model.ts";
import { entryView } from "../../../protocol/model/state-layout.ts";
import { identityNorms, putIdentityNorms } from "../../../protocol/reinit/identity-norms.ts";
import { relativeError } from "../../../scripts/golden/reproduce.ts";
import { onnxFixture } from "../../fixtures/onnx/read-fixture.ts";
import { randomBatch } from "./numerics/random-graph.ts";

const machines: readonly [string, () => Promise<Engine>, readonly string[]][] = [
  ["WebAssembly", () => openWasmEngine({ threads: 1 }), ["mobilenet-9", "gates-14"]],
  [
    "WebGPU",
    async () =>
      openWebgpuEngine(await nodeEnvironment().gpu(), { software: true, submitBudgetMs: 1e9 }),
    ["gates-14"],
  ],
];

describe.each(machines)("a student with norms that stand in, on %s", (_, open, fixtures) => {
  let engine: Engine;
  beforeAll(async () => {
    engine = await open();
  });
  afterAll(async () => engine.close());

  it.each(fixtures)(
    "[L3] [L5] of %s begins as the teacher, which answers as the file's graph, and is trained",
    async (name) => {
      const bytes = await onnxFixture(name);
      const own = await importModel(bytes);
      const { graph, layout, state: teacher } = await importModel(bytes, { standInNorms: true });
      const batch = randomBatch(graph, 8, 1);
      const asFiled = engine.openSession({ ...own, teacher: own.state });
      const expected = await asFiled.logits("teacher", batch);
      asFiled.close();

      const session = engine.openSession({ graph, layout, teacher });
      // The same sums, though a device may take them in another order.
      expect(relativeError(await session.logits("teacher", batch), expected)).toBeLessThan(1e-6);
      const measured = await session.channelStatistics(batch);
      const student = teacher.slice();
      putIdentityNorms(student, layout, identityNorms(graph, layout, measured), 0);
      session.load(student);
      expect(relativeError(await session.logits("student", batch), expected)).toBeLessThan(1e-5);
      // In training mode variances are the batch's own, of n values and not n − 1.
      expect(relativeError(await session.trainingLogits(batch), expected)).toBeLessThan(0.05);
      // Something to make good.
      session.load(student.map((value, i) => value * (1 + Math.sin(i) / 4)));
      const { gradient } = await session.gradient(batch, { temperature: 1, weightDecay: 0 });
      const trained = layout.entries.filter(({ name: tensor }) =>
        /stand-in\.(scale|shift)$/.test(tensor),
      );
      expect(trained.length).toBeGreaterThan(4);
      const still = trained.filter((entry) => entryView(gradient, entry).every((value) => !value));
      expect(still).toEqual([]);
      session.close();
    },
  );
});
