import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Engine } from "../../../../client/engine/engine.ts";
import { openWasmEngine } from "../../../../client/engine/wasm/wasm-engine.ts";
import { readFixture } from "../../../fixtures/architectures/read-fixture.ts";
import { compareWithPytorch } from "./compare.ts";
import { FIXTURES } from "./fixtures.ts";

describe("every family on wasm is what PyTorch has it", () => {
  let engine: Engine;
  beforeAll(async () => {
    engine = await openWasmEngine({ threads: 1 });
  });
  afterAll(() => engine?.close());

  it.each(FIXTURES)("%s", async (name) => {
    const { gradient, logits, loss } = await compareWithPytorch(engine, await readFixture(name));
    expect(logits).toBeLessThan(1e-4);
    expect(loss).toBeLessThan(1e-4);
    expect(gradient.difference, gradient.tensor).toBeLessThan(1e-3);
  });
});
