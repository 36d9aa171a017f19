import { afterEach, beforeAll, describe, expect, it } from "vitest";
import { relativeError } from "../../../../../scripts/golden/reproduce.ts";
import { defaultTiles, SHARED_TILES } from "../../../../../client/engine/webgpu/tiles/tiles.ts";
import { MemoryTuningStore } from "../../../../../client/engine/webgpu/tiles/tuning-store.ts";
import type { WebgpuEngine } from "../../../../../client/engine/webgpu/webgpu-engine.ts";
import {
  openOurs,
  openSmallSession,
  pixelBatch,
  SETTINGS,
  smallStudent,
  train,
} from "../small-training.ts";

let engine: WebgpuEngine | undefined;
afterEach(async () => {
  await engine?.close();
  engine = undefined;
});

async function gradientOf(opened: WebgpuEngine): Promise<Float32Array> {
  const session = openSmallSession(opened);
  session.load(smallStudent());
  const { gradient } = await session.gradient(pixelBatch(1), SETTINGS);
  session.close();
  return gradient;
}

describe("tiles of matrix products", () => {
  let expected: Float32Array;
  beforeAll(async () => {
    const unstaged = await openOurs();
    expected = await gradientOf(unstaged);
    await unstaged.close();
  });

  it.each(SHARED_TILES.map((tile) => [`${4 * tile.rows * 2}×${32 * tile.quads}`, tile] as const))(
    "staged in shared memory, %s, give the gradient of those that are not",
    async (_, tile) => {
      engine = await openOurs({ tiles: { ...defaultTiles(false, true), tileFor: () => tile } });
      expect(relativeError(await gradientOf(engine), expected)).toBeLessThan(1e-5);
    },
  );

  it("are measured once, kept, and change nothing from one step to its repetition", async () => {
    const tuning = new MemoryTuningStore();
    // What a GPU would use, so that there is something to choose from.
    const tiles = defaultTiles(false, true);
    engine = await openOurs({ tuning, tuneSoftware: true, tiles });
    const first = await train(openSmallSession(engine), 3);
    const { dispatches } = engine.counters;
    (await engine.device()).gpu.destroy();
    expect(await train(openSmallSession(engine), 3)).toEqual(first);
    const { dispatches: afterLoss } = engine.counters;
    await engine.close();
    engine = await openOurs({ tuning, tuneSoftware: true, tiles });
    expect(await train(openSmallSession(engine), 3)).toEqual(first);
    // Without the measurements: a round is fewer dispatches than it was with them.
    expect(engine.counters.dispatches).toBe(afterLoss - dispatches);
    expect(engine.counters.dispatches).toBeLessThan(dispatches);
  });
});
