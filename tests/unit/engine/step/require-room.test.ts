import { describe, expect, it } from "vitest";
import { EngineError } from "../../../../client/engine/engine-error.ts";
import type { PlannedStep } from "../../../../client/engine/engine.ts";
import { requireWasmRoom } from "../../../../client/engine/wasm/require-room.ts";
import { requireGpuRoom } from "../../../../client/engine/webgpu/require-room.ts";
import { defaultTiles } from "../../../../client/engine/webgpu/tiles/tiles.ts";
import { resnet18 } from "../../../../protocol/model/architectures/resnet18.ts";
import type { Graph } from "../../../../protocol/model/graph.ts";
import { stateLayout } from "../../../../protocol/model/state-layout.ts";

const MEBIBYTE = 2 ** 20;
const STEP: PlannedStep = { size: 16, sharpness: undefined, headShift: undefined };

function modelAt(size: number, normGroupSize?: number) {
  const graph: Graph = {
    ...resnet18({ width: 8, classes: 10 }),
    inputShape: { height: size, width: size, channels: 3 },
  };
  return { graph, layout: stateLayout(graph), normGroupSize };
}

const onGpu = (model: ReturnType<typeof modelAt>, bytes: number, step = STEP): void =>
  requireGpuRoom(model, step, { bytes, tiles: defaultTiles(true, false), precision: "f32" });

/** What is refused, with all numbers of its message. */
function refusal(action: () => void): { readonly error: EngineError; readonly figures: number[] } {
  try {
    action();
  } catch (error) {
    expect(error).toBeInstanceOf(EngineError);
    const figures = Array.from((error as Error).message.matchAll(/\d+/g), ([text]) => Number(text));
    return { error: error as EngineError, figures };
  }
  return expect.fail("nothing was refused");
}

describe.each([
  ["WebAssembly", requireWasmRoomOf],
  ["WebGPU", onGpu],
] as const)("[D7.3] room for steps on %s", (_, requireRoom) => {
  it("is asked of one norm group, since a batch is cut to them", () => {
    const few = modelAt(64, 2);
    expect(() => requireRoom(few, 20 * MEBIBYTE)).not.toThrow();
    const { error, figures } = refusal(() => requireRoom(modelAt(64), 20 * MEBIBYTE));
    expect(error.code).toBe("too-large");
    expect(error.message).toMatch(/smaller norm groups or images/);
    expect(figures[0]).toBe(16);
    expect(figures[1]).toBeGreaterThan(20);
    expect(figures.at(-1)).toBe(20);
  });

  it("grows with the area of the images, and with copies", () => {
    const [small, large] = [needOf(requireRoom, 64), needOf(requireRoom, 128)];
    expect(large / small).toBeGreaterThan(3.5);
    expect(large / small).toBeLessThan(4.5);
    const adversary = {
      weight: 0.15,
      share: 0.5,
      norm: "l2",
      scope: "universal",
      ascents: 0,
      radius: 1,
      stepLength: 1,
    } as const;
    expect(needOf(requireRoom, 64, { ...STEP, adversary })).toBeGreaterThan(1.2 * small);
  });
});

/** MiB that are needed, as a refusal has them. */
function needOf(requireRoom: typeof onGpu, size: number, step?: PlannedStep): number {
  return refusal(() => requireRoom(modelAt(size), 1, step)).figures[1]!;
}

function requireWasmRoomOf(model: ReturnType<typeof modelAt>, bytes: number, step = STEP): void {
  requireWasmRoom(model, step, bytes);
}
