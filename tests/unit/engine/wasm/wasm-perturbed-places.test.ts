import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Engine } from "../../../../client/engine/engine.ts";
import { openWasmEngine } from "../../../../client/engine/wasm/wasm-engine.ts";
import {
  ADVERSARIES,
  adversaryScenario,
  perturbedScenario,
} from "../numerics/adversary-scenarios.ts";
import { expectOutcome } from "../numerics/closeness.ts";
import { decidableCase } from "../numerics/decidable-case.ts";
import { onEngine, type Scenario } from "../numerics/numeric-case.ts";
import { graphAt, PLACES, sizes, type Place, type Sizes } from "../numerics/places.ts";

/** Where an input is kept for the way back, and where moments are of each image by itself. */
const TITLES = [
  "SiLU behind a norm, a convolution and a sum",
  "hard-swish, ReLU6, tanh, leaky ReLU and GELU",
  "a transformer's block behind a class token and positions",
  "a depthwise convolution, layer norms, GELU and a layer scale",
  "group norms, softmax, and attention of tokens to themselves",
];

describe.each(TITLES)("%s", (title) => {
  const place = PLACES.find((one) => one.title === title)!;
  const [drawn] = fc.sample(sizes, { seed: 3, numRuns: 1 }) as [Sizes];
  let engine: Engine;
  beforeAll(async () => {
    engine = await openWasmEngine({ threads: 1 });
  });
  afterAll(async () => engine.close());

  async function compare(at: Place, sized: Sizes, scenario: Scenario): Promise<void> {
    const [groupSize] = sized.norm;
    const found = await decidableCase(graphAt(at, sized), groupSize, sized.seed, scenario);
    expectOutcome(found.drawn, await onEngine(engine, found.drawn, scenario), found.expected);
  }

  it("leads back to the images in evaluation mode", async () => {
    expect.hasAssertions();
    await compare(place, drawn, perturbedScenario(drawn.norm[0]));
  });

  it("learns from perturbed copies", async () => {
    expect.hasAssertions();
    const norm = [4, 2] as const;
    await compare(place, { ...drawn, norm }, adversaryScenario(ADVERSARIES[4]!, 8));
  });
});
