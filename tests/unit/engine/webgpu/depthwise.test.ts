import { afterAll, expect, it } from "vitest";
import { relativeError } from "../../../../scripts/golden/reproduce.ts";
import type { AdversarySettings } from "../../../../client/engine/adversary-settings.ts";
import type { Engine } from "../../../../client/engine/engine.ts";
import { openWasmEngine } from "../../../../client/engine/wasm/wasm-engine.ts";
import type { Cooperation } from "../../../../client/engine/webgpu/wgsl/cooperation.ts";
import { defaultTiles } from "../../../../client/engine/webgpu/tiles/tiles.ts";
import { stateLayout } from "../../../../protocol/model/state-layout.ts";
import { GraphBuilder } from "../numerics/graph-builder.ts";
import { drawCase, onEngine } from "../numerics/numeric-case.ts";
import { randomBatch } from "../numerics/random-graph.ts";
import { openOurs, SETTINGS } from "./small-training.ts";

/** As on a GPU, but for few: SwiftShader compiles shared memory word by word. */
const cooperation: Cooperation = { threads: 8, rowsEach: 8, sharers: 2 };

const ours = await openOurs({
  tiles: { ...defaultTiles(true, true), cooperation, workgroups: 64 },
});
afterAll(() => ours.close());

it("depthwise sums that a workgroup takes together are those of WebAssembly", async () => {
  const net = new GraphBuilder({ height: 9, width: 10, channels: 3 });
  const wide = net.relu(net.norm(net.conv(net.image, { channels: 6, kernel: 1 })));
  const sizes = { channels: 6, groups: 6, kernel: 3, stride: [1, 2] } as const;
  const spread = net.norm(net.conv(wide, sizes));
  const graph = net.graph(net.linear(net.pool(net.relu(spread)), 3));
  const drawn = drawCase({ graph, layout: stateLayout(graph) }, 2, 5);
  // Copies follow the images, and are in no statistics.
  const adversary: AdversarySettings = {
    norm: "linf",
    scope: "universal",
    ascents: 0,
    weight: 1,
    share: 0.5,
    radius: 0.1,
    stepLength: 0.1,
  };
  const changeOn = (engine: Engine): Promise<Float32Array> =>
    onEngine(engine, drawn, async (session) => {
      await session.step(randomBatch(graph, 4, 6), { ...SETTINGS, adversary });
      const { state } = await session.read();
      return state.map((value, i) => value - drawn.student[i]!);
    });
  const wasm = await openWasmEngine({ threads: 1 });
  const expected = await changeOn(wasm);
  await wasm.close();
  expect(relativeError(await changeOn(ours), expected)).toBeLessThan(1e-5);
});
