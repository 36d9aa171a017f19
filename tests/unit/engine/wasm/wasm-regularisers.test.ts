import { describe, expect, it } from "vitest";
import type { StepSettings } from "../../../../client/engine/engine.ts";
import { nodeEnvironment } from "../../../../client/engine/opening/node-environment.ts";
import {
  openWasmEngine,
  type WasmEngineOptions,
} from "../../../../client/engine/wasm/wasm-engine.ts";
import { resnet18 } from "../../../../protocol/model/architectures/resnet18.ts";
import { stateLayout } from "../../../../protocol/model/state-layout.ts";
import { GraphBuilder } from "../numerics/graph-builder.ts";
import { drawCase, onEngine, type Outcome } from "../numerics/numeric-case.ts";
import { randomBatch } from "../numerics/random-graph.ts";
import { REGULARISERS, regulariserScenario } from "../numerics/regulariser-scenarios.ts";
import { SETTINGS } from "../numerics/scenarios.ts";

const starter = nodeEnvironment().threads!;
const graph = resnet18({ width: 4, classes: 10 });
const layout = stateLayout(graph);
const drawn = drawCase({ graph, layout }, 2, 7);

/** Every kind of regulariser on three norm groups, one after the other in one session. */
async function outcomes(options: WasmEngineOptions): Promise<Outcome[]> {
  const engine = await openWasmEngine(options);
  const found = await onEngine(engine, drawn, async (session) => {
    const all: Outcome[] = [];
    for (const kind of REGULARISERS) {
      session.load(drawn.student);
      all.push(await regulariserScenario(kind, 6)(session, drawn));
    }
    return all;
  });
  await engine.close();
  return found;
}

describe("regularisers on the WebAssembly engine", () => {
  it("give the same bits for any number of threads and any pieces of a batch", async () => {
    const alone = await outcomes({ threads: 1 });
    expect(alone).toHaveLength(REGULARISERS.length);
    expect(await outcomes({ starter, threads: 2 })).toEqual(alone);
    // One norm group at a time.
    expect(await outcomes({ threads: 1, arenaBytes: 1 })).toEqual(alone);
  });

  it("tell results and advance statistics as a step without them, and keep the head's length", async () => {
    const engine = await openWasmEngine({ threads: 1 });
    const batch = randomBatch(graph, 6, 1);
    await onEngine(engine, drawn, async (session) => {
      const after = async (settings: Partial<StepSettings>) => {
        session.load(drawn.student);
        await session.step(batch, { ...SETTINGS[0], ...settings });
        return session.read();
      };
      const plain = await after({});
      const { trainableLength } = layout;
      const head = layout.entries.find(({ name }) => name === "fc.weight")!;
      const lengthIn = (state: Float32Array): number =>
        Math.hypot(...state.subarray(head.offset, head.offset + head.size));
      const wanted = lengthIn(drawn.teacher);
      expect(Math.abs(lengthIn(plain.state) / wanted - 1)).toBeGreaterThan(1e-3);
      for (const settings of [
        { sharpness: { rho: 0.5 } },
        { headShift: { weight: 0.2 } },
        { sharpness: { rho: 0.5 }, headShift: { weight: 0.2 } },
      ]) {
        const { results, state } = await after(settings);
        expect(results).toEqual(plain.results);
        expect(state.subarray(trainableLength)).toEqual(plain.state.subarray(trainableLength));
        expect(state).not.toEqual(plain.state);
        if (!("headShift" in settings)) continue;
        expect(lengthIn(state) / wanted).toBeCloseTo(1, 6);
      }
    });
    await engine.close();
  });

  it.each([
    [{ sharpness: { rho: -1 } }, /sharpness's rho is -1; it is a number from 0 on/],
    [{ sharpness: { rho: Number.NaN } }, /sharpness's rho is NaN/],
    [{ headShift: { weight: Infinity } }, /head shift's weight is Infinity/],
  ])("are refused when they cannot be: %j", async (settings, message) => {
    const engine = await openWasmEngine({ threads: 1 });
    const step = onEngine(engine, drawn, (session) =>
      session.step(randomBatch(graph, 2, 1), { ...SETTINGS[0], ...settings }),
    );
    await expect(step).rejects.toMatchObject({
      code: "invalid-input",
      message: expect.stringMatching(message) as string,
    });
    await engine.close();
  });

  it("shift no head of a model that has no linear layer", async () => {
    const net = new GraphBuilder({ height: 2, width: 2, channels: 3 });
    const convolutional = net.graph(net.pool(net.conv(net.image, { channels: 3, kernel: 1 })));
    const at = drawCase({ graph: convolutional, layout: stateLayout(convolutional) }, undefined, 1);
    const engine = await openWasmEngine({ threads: 1 });
    const step = onEngine(engine, at, (session) =>
      session.step(randomBatch(convolutional, 2, 1), {
        ...SETTINGS[0],
        headShift: { weight: 0.1 },
      }),
    );
    await expect(step).rejects.toThrow(/needs a linear layer, and this model has none/);
    await engine.close();
  });
});
