import { describe, expect, it } from "vitest";
import { lossComplaints } from "../../bench/engine/check-losses.ts";
import type { EngineName, Row } from "../../bench/engine/compare.ts";

function row(engine: EngineName, losses: readonly number[], batch = 32): Row {
  return {
    engine,
    threads: 1,
    network: "resnet18-16",
    batch,
    imagesPerSecond: 1,
    gflops: 1,
    rounds: [1],
    stepsARound: 1,
    firstStepSeconds: 1,
    adapter: undefined,
    losses,
    counters: undefined,
    maps: undefined,
    peakBytes: 1,
    convolutions: undefined,
  };
}

describe("losses of a benchmark's engines", () => {
  it("may differ by roundings", () => {
    const rows = [row("ours-wasm", [0.5, 0.3]), row("tfjs-wasm", [0.5002, 0.29985])];
    expect(lossComplaints(rows)).toEqual([]);
  });

  it("may differ more in half precision, which judges nobody", () => {
    const float = row("ours-webgpu", [0.5, 0.3]);
    const half = row("ours-webgpu-f16", [0.502, 0.302]);
    expect(lossComplaints([float, half])).toEqual([]);
    expect(lossComplaints([float, half, row("tfjs-webgpu", [0.5, 0.3])])).toEqual([]);
    const wrong = row("ours-webgpu-f16", [0.5, 0.31]);
    expect(lossComplaints([float, wrong])).toEqual([
      expect.stringMatching(/^ours-webgpu-f16.*loss of step 2 is 0\.31, the others' 0\.3/),
    ]);
  });

  it("name the engine that stands alone, and the step", () => {
    const rows = [
      row("ours-wasm", [0.5, 0.3]),
      row("tfjs-wasm", [0.5, 0.3]),
      row("jax-js", [0.5, 0.31]),
    ];
    expect(lossComplaints(rows)).toEqual([
      expect.stringMatching(/^jax-js, resnet18-16, batch 32: loss of step 2 is 0\.31/),
    ]);
  });

  it("that are no number are complained about", () => {
    const rows = [row("ours-wasm", [Number.NaN]), row("tfjs-wasm", [0.5]), row("jax-js", [0.5])];
    expect(lossComplaints(rows)).toHaveLength(1);
  });

  it("of other cases say nothing", () => {
    const rows = [row("ours-wasm", [0.5], 32), row("tfjs-wasm", [0.7], 128)];
    expect(lossComplaints(rows)).toEqual([]);
  });
});
