import { describe, expect, it } from "vitest";
import { nodeEnvironment } from "../../../client/engine/opening/node-environment.ts";
import { openEngine } from "../../../client/engine/opening/open-engine.ts";
import { relativeError, reproduce } from "../../../scripts/golden/reproduce.ts";
import { goldenW4 } from "./golden-files.ts";

it("[D1][D3][D5] PyTorch's run of three steps is reproduced within 1e-3, every tensor", async () => {
  const golden = await goldenW4();
  const engine = await openEngine({ backend: "wasm", environment: nodeEnvironment() });
  const errors = await reproduce(engine, golden);
  // Teacher's logits, 62 gradients, training logits, 3 losses, 102 tensors, final logits.
  expect(Object.keys(errors)).toHaveLength(1 + 62 + 1 + 3 + 102 + 1);
  const off = Object.entries(errors).filter(([, error]) => !(error <= 1e-3));
  expect(off).toEqual([]);
});

describe("relative error", () => {
  it("is the L2 norm of the difference over that of the truth", () => {
    expect(relativeError([3, 5], [3, 4])).toBeCloseTo(0.2, 12);
    expect(relativeError([0.5], [0])).toBe(0.5);
    expect(relativeError([Number.NaN], [1])).toBeNaN();
    expect(() => relativeError([1], [1, 2])).toThrow("1 values compared with 2");
  });
});
