import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Engine } from "../../../../client/engine/engine.ts";
import { nodeEnvironment } from "../../../../client/engine/opening/node-environment.ts";
import {
  forwardWalk,
  gradientWalk,
} from "../../../../client/engine/program/kernels/window-taps.ts";
import { bandCut, bandParts, rowBands } from "../../../../client/engine/wasm/plan/row-bands.ts";
import { RUN_ROWS } from "../../../../client/engine/wasm/plan/stage.ts";
import { openWasmEngine } from "../../../../client/engine/wasm/wasm-engine.ts";
import { ADVERSARIES, adversaryScenario } from "../numerics/adversary-scenarios.ts";
import { invertedResidual, unevenDepthwise, type Block } from "../numerics/blocks.ts";
import { expectOutcome } from "../numerics/closeness.ts";
import { decidableCase } from "../numerics/decidable-case.ts";
import { onEngine } from "../numerics/numeric-case.ts";
import { graphAt, PLACES, type Place, type Sizes } from "../numerics/places.ts";
import { gradientScenario } from "../numerics/scenarios.ts";

const starter = nodeEnvironment().threads!;

/** Few values are rectified, so that float32 decides of most draws what they give. */
const wideDepthwise: Block = (net, x, { channels, stride }) => {
  const wide = net.norm(net.conv(x, { channels, kernel: 1 }));
  const spread = net.conv(wide, { channels, kernel: 3, stride, groups: channels });
  return net.relu(net.conv(net.norm(spread), { channels: 3, kernel: 1 }));
};

function placeAround(block: Block): Place {
  const place = PLACES.find(
    ({ title }) => title === "a convolution of rectified values, rectified",
  );
  return { ...place!, block };
}

/** Maps larger than a band of rows, and channels that crowd the first-level cache. */
const LARGE: Sizes = {
  height: 19,
  width: 18,
  imageChannels: 2,
  stemChannels: 3,
  channels: 256,
  kernel: 3,
  stride: 1,
  padding: 1,
  grouping: 2,
  classes: 3,
  norm: [2, 1],
  seed: 3,
};

const SMALL: Sizes = { ...LARGE, height: 3, width: 2, channels: 6, norm: [7, 2] };

describe("depthwise convolutions on WebAssembly", () => {
  const engines: Engine[] = [];
  beforeAll(async () => {
    engines.push(
      await openWasmEngine({ threads: 1 }),
      await openWasmEngine({ starter, threads: 2 }),
      await openWasmEngine({ threads: 1, arenaBytes: 1 }),
    );
  });
  afterAll(async () => {
    for (const engine of engines) await engine.close();
  });

  it.each([
    ["of large maps", wideDepthwise, LARGE],
    [
      "of large maps, strided, channels left over",
      wideDepthwise,
      { ...LARGE, stride: 2, channels: 258 },
    ],
    ["of few channels", unevenDepthwise, { ...LARGE, kernel: 5, stride: 2 }],
    ["of many small images", invertedResidual, SMALL],
  ] as const)(
    "give the reference's gradient, the same bits for any threads and pieces: %s",
    async (_, block, drawn: Sizes) => {
      const [groupSize, groups] = drawn.norm;
      const scenario = gradientScenario(groupSize * groups);
      const network = graphAt(placeAround(block), drawn);
      const { drawn: at, expected } = await decidableCase(network, groupSize, drawn.seed, scenario);
      const [alone, ...others] = engines;
      const outcome = await onEngine(alone!, at, scenario);
      expectOutcome(at, outcome, expected);
      for (const engine of others) {
        expect(await onEngine(engine, at, scenario)).toEqual(outcome);
      }
    },
  );

  it("take statistics of images alone where copies follow them, as the reference does", async () => {
    const [groupSize, groups] = SMALL.norm;
    const scenario = adversaryScenario(ADVERSARIES[0]!, groupSize * groups);
    const network = graphAt(placeAround(invertedResidual), SMALL);
    const { drawn, expected } = await decidableCase(network, groupSize, SMALL.seed, scenario);
    expectOutcome(drawn, await onEngine(engines[0]!, drawn, scenario), expected);
  });

  it("cut images into bands that cover each row once, and sums into parts of their own", () => {
    const drawn = fc.record({
      input: fc.integer({ min: 1, max: 120 }),
      kernel: fc.constantFrom(1, 3, 5, 7),
      stride: fc.constantFrom(1, 2, 3),
      channels: fc.constantFrom(2, 32, 144, 960),
      clean: fc.integer({ min: 1, max: 9 }),
      copies: fc.integer({ min: 0, max: 3 }),
      backward: fc.boolean(),
    });
    fc.assert(
      fc.property(drawn, ({ input, kernel, stride, channels, clean, copies, backward }) => {
        const before = (kernel - 1) / 2;
        const output = Math.floor((input - 1) / stride) + 1;
        const axis = { input, output, kernel, stride, dilation: 1, before };
        const along = backward ? gradientWalk(axis) : forwardWalk(axis);
        const walk = { vertical: along, horizontal: along, channels };
        const bands = rowBands({ groupSize: clean + copies, groups: 2 }, walk, clean);
        const rows = new Set<number>();
        const parts = new Set<number>();
        for (const band of bands) {
          expect(band.row % along.period).toBe(0);
          for (let image = 0; image < band.count; image++) {
            for (let row = band.row; row < band.row + band.rows; row++) {
              rows.add((band.image + image) * along.results + row);
            }
          }
          if (!band.clean) continue;
          const runs = Math.ceil((band.count * band.rows * along.results) / RUN_ROWS);
          for (let run = 0; run < runs; run++) {
            const part = band.part + run;
            expect(part).toBeLessThan(bandParts(walk, clean));
            parts.add(band.group * bandParts(walk, clean) + part);
          }
        }
        const counted = bands.reduce((sum, { count, rows: high }) => sum + count * high, 0);
        expect(rows.size).toBe(2 * (clean + copies) * along.results);
        expect(counted).toBe(rows.size);
        expect(parts.size).toBe(2 * bandParts(walk, clean));
        expect(bandCut(walk).images === 1 || bandCut(walk).count === 1).toBe(true);
      }),
      { numRuns: 60 },
    );
  });
});
