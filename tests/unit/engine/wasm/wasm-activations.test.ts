import fc from "fast-check";
import { expect, it } from "vitest";
import { openWasmEngine } from "../../../../client/engine/wasm/wasm-engine.ts";
import { perturbedScenario } from "../numerics/adversary-scenarios.ts";
import { expectOutcome } from "../numerics/closeness.ts";
import { decidableCase } from "../numerics/decidable-case.ts";
import { onEngine } from "../numerics/numeric-case.ts";
import { graphAt, PLACES, sizes } from "../numerics/places.ts";

/** In evaluation mode, too, a norm's input is kept where an activation's derivative needs it. */
it.each([
  "SiLU behind a norm, a convolution and a sum",
  "hard-swish, ReLU6, tanh, leaky ReLU and GELU",
])("goes back to the images in evaluation mode through %s", async (title) => {
  const place = PLACES.find((one) => one.title === title)!;
  const engine = await openWasmEngine({ threads: 1 });
  expect.hasAssertions();
  for (const at of fc.sample(sizes, { seed: 3, numRuns: 2 })) {
    const scenario = perturbedScenario(3);
    const { drawn, expected } = await decidableCase(
      graphAt(place, at),
      undefined,
      at.seed,
      scenario,
    );
    expectOutcome(drawn, await onEngine(engine, drawn, scenario), expected);
  }
  await engine.close();
});
