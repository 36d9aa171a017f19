import { afterEach, beforeAll, describe, expect, it } from "vitest";
import { relativeError } from "../../../../../scripts/golden/reproduce.ts";
import type { Engine, SessionReading } from "../../../../../client/engine/engine.ts";
import { openWasmEngine } from "../../../../../client/engine/wasm/wasm-engine.ts";
import {
  defaultTiles,
  SHARED_TILES,
  type Tiles,
} from "../../../../../client/engine/webgpu/tiles/tiles.ts";
import { MemoryTuningStore } from "../../../../../client/engine/webgpu/tiles/tuning-store.ts";
import type { WebgpuEngine } from "../../../../../client/engine/webgpu/webgpu-engine.ts";
import type { Graph } from "../../../../../protocol/model/graph.ts";
import { stateLayout } from "../../../../../protocol/model/state-layout.ts";
import { GraphBuilder } from "../../numerics/graph-builder.ts";
import { drawCase, onEngine, type NumericCase } from "../../numerics/numeric-case.ts";
import { randomBatch } from "../../numerics/random-graph.ts";
import { openOurs } from "../small-training.ts";

let engine: WebgpuEngine | undefined;
afterEach(async () => {
  await engine?.close();
  engine = undefined;
});

const caseOf = (graph: Graph): NumericCase => drawCase({ graph, layout: stateLayout(graph) }, 2, 5);

/**
 * Two convolutions, of which the second's products are looked at: they read a norm's values and their
 * sums are taken, as a step's do, and their channels spill over the largest tile. SwiftShader compiles
 * each product that is staged for seconds.
 */
const PRODUCTS = (() => {
  const net = new GraphBuilder({ height: 5, width: 5, channels: 3 });
  const inner = net.relu(net.norm(net.conv(net.image, { channels: 36, kernel: 1 })));
  const last = net.norm(net.conv(inner, { channels: 68, kernel: 1 }));
  return caseOf(net.graph(net.linear(net.pool(last), 3)));
})();

/** Of so few rows and columns that one tile is worth measuring beside the default. */
const ONE_CONVOLUTION = (() => {
  const net = new GraphBuilder({ height: 5, width: 5, channels: 3 });
  return caseOf(
    net.graph(net.linear(net.pool(net.conv(net.image, { channels: 4, kernel: 1 })), 3)),
  );
})();

/** Supervised steps: they ask no teacher, whose kernels would be compiled, too. */
function trainOn(opened: Engine, drawn: NumericCase, steps: number): Promise<SessionReading> {
  const { graph, seed } = drawn;
  const targets = Float32Array.from({ length: 4 * graph.classes }, (_, i) => +(i % 4 === 0));
  const settings = { learningRate: 1, momentum: 0, weightDecay: 0 };
  return onEngine(opened, drawn, async (session) => {
    for (let step = 0; step < steps; step++) {
      await session.superviseStep(randomBatch(graph, 4, seed + step), targets, settings);
    }
    return session.read();
  });
}

/** What a step changes of the student. */
async function changeOn(opened: Engine, drawn: NumericCase): Promise<Float32Array> {
  const { state } = await trainOn(opened, drawn, 1);
  return state.map((value, i) => value - drawn.student[i]!);
}

describe("tiles of matrix products", () => {
  const unstaged = defaultTiles(true, true);
  let expected: Float32Array;
  beforeAll(async () => {
    const wasm = await openWasmEngine();
    expected = await changeOn(wasm, PRODUCTS);
    await wasm.close();
  });

  it.each(SHARED_TILES.map((tile) => [`${4 * tile.rows * 2}×${32 * tile.quads}`, tile] as const))(
    "staged in shared memory, %s, give the gradient of WebAssembly",
    async (_, tile) => {
      const tileFor: Tiles["tileFor"] = (kind, geometry, groupSize) =>
        geometry.channelsOut === 68 ? tile : unstaged.tileFor(kind, geometry, groupSize);
      engine = await openOurs({ tiles: { ...defaultTiles(false, true), tileFor } });
      expect(relativeError(await changeOn(engine, PRODUCTS), expected)).toBeLessThan(1e-5);
    },
  );

  it("are measured once, kept, and change nothing from one step to its repetition", async () => {
    const tuning = new MemoryTuningStore();
    // What a GPU would use, so that there is something to choose from.
    const tiles = defaultTiles(false, true);
    engine = await openOurs({ tuning, tuneSoftware: true, tiles });
    const first = await trainOn(engine, ONE_CONVOLUTION, 3);
    const { dispatches } = engine.counters;
    (await engine.device()).gpu.destroy();
    expect(await trainOn(engine, ONE_CONVOLUTION, 3)).toEqual(first);
    const { dispatches: afterLoss } = engine.counters;
    await engine.close();
    engine = await openOurs({ tuning, tuneSoftware: true, tiles });
    expect(await trainOn(engine, ONE_CONVOLUTION, 3)).toEqual(first);
    // Without the measurements: a round is fewer dispatches than it was with them.
    expect(engine.counters.dispatches).toBe(afterLoss - dispatches);
    expect(engine.counters.dispatches).toBeLessThan(dispatches);
  });
});
