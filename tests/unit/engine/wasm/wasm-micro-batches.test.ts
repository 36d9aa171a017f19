import { describe, expect, it } from "vitest";
import { openWasmEngine } from "../../../../client/engine/wasm/wasm-engine.ts";
import { drawCase, onEngine } from "../numerics/numeric-case.ts";
import { graphAt, PLACES, type Sizes } from "../numerics/places.ts";
import { gradientScenario } from "../numerics/scenarios.ts";

const SIZES: Sizes = {
  height: 6,
  width: 5,
  imageChannels: 3,
  stemChannels: 4,
  channels: 6,
  kernel: 3,
  stride: 1,
  padding: 1,
  grouping: 2,
  classes: 4,
  norm: [2, 3],
  seed: 1,
};

describe("micro-batches on WebAssembly", () => {
  it.each(PLACES)("[D7] change no bit: $title", async (place) => {
    const drawn = drawCase(graphAt(place, SIZES), SIZES.norm[0], SIZES.seed);
    const scenario = gradientScenario(SIZES.norm[0] * SIZES.norm[1]);
    const outcomes = [];
    for (const arenaBytes of [undefined, 1]) {
      const engine = await openWasmEngine({ arenaBytes });
      outcomes.push(await onEngine(engine, drawn, scenario));
      await engine.close();
    }
    const [together, apart] = outcomes;
    expect(apart).toEqual(together);
  });
});
