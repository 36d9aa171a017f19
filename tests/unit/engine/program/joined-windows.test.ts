import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Engine } from "../../../../client/engine/engine.ts";
import { compileProgram } from "../../../../client/engine/program/compile.ts";
import type { ConvGeometry } from "../../../../client/engine/program/kernels/convolution.ts";
import { wasmTiling } from "../../../../client/engine/wasm/plan/wasm-tiling.ts";
import { openWasmEngine } from "../../../../client/engine/wasm/wasm-engine.ts";
import type { ValueId } from "../../../../protocol/model/graph.ts";
import { stateLayout } from "../../../../protocol/model/state-layout.ts";
import { perturbedScenario } from "../numerics/adversary-scenarios.ts";
import { expectOutcome } from "../numerics/closeness.ts";
import { decidableCase } from "../numerics/decidable-case.ts";
import { GraphBuilder, type ConvolutionSizes } from "../numerics/graph-builder.ts";
import { onEngine } from "../numerics/numeric-case.ts";

const PATCHES = { channels: 8, kernel: [4, 3], stride: [4, 3], padding: 0 } as const;
const inputOf = {
  images: (net) => net.image,
  "a convolution": (net) => net.conv(net.image, { channels: 3, kernel: 1 }),
  "a norm": (net) => net.relu(net.norm(net.conv(net.image, { channels: 3, kernel: 1 }))),
} satisfies Record<string, (net: GraphBuilder) => ValueId>;

function graphOf(input: keyof typeof inputOf, sizes: ConvolutionSizes) {
  const net = new GraphBuilder({ height: 9, width: 12, channels: 3 });
  const graph = net.graph(net.linear(net.pool(net.relu(net.conv(inputOf[input](net), sizes))), 4));
  return { graph, layout: stateLayout(graph) };
}

/** Columns of the windows that kernels of the last convolution have, by the kernels' kinds. */
function columnsOf(input: keyof typeof inputOf, sizes: ConvolutionSizes): Record<string, number> {
  const batch = { groupSize: 3, groups: 2 };
  const copies = { perGroup: 1, perImage: false };
  const options = { ...graphOf(input, sizes), mode: "distil", batch, copies } as const;
  const { kernels } = compileProgram({ ...options, tiling: wasmTiling });
  const found: [string, number][] = [];
  for (const { pass, kernel } of kernels) {
    if (!("geometry" in kernel)) continue;
    const { kernelHeight, kernelWidth, channelsOut } = kernel.geometry as ConvGeometry;
    if (kernelHeight === 4 && channelsOut === 8)
      found.push([`${pass} ${kernel.kind}`, kernelWidth]);
  }
  return Object.fromEntries(found);
}

describe("patches", () => {
  let engine: Engine;
  beforeAll(async () => {
    engine = await openWasmEngine({ threads: 1 });
  });
  afterAll(() => engine.close());

  it("are read a row at a time, where nothing is told channel by channel", () => {
    const all = ["teacher convolve", "forward convolve", "backward filter-gradient"];
    const joined = Object.fromEntries([...all, "backward input-gradient"].map((kind) => [kind, 1]));
    expect(columnsOf("images", PATCHES)).toEqual(joined);
    expect(columnsOf("a convolution", PATCHES)).toEqual(joined);
    expect(columnsOf("a norm", PATCHES)).toEqual({
      "teacher convolve": 1,
      "forward convolve": 3,
      "backward filter-gradient": 3,
      "backward input-gradient": 3,
    });
    const apart = { ...PATCHES, stride: [4, 2] } as const;
    expect(Object.values(columnsOf("images", apart))).toEqual([3, 3, 3, 3]);
  });

  it.each(Object.keys(inputOf) as (keyof typeof inputOf)[])(
    "of %s give the reference's gradient by the images",
    async (input) => {
      const scenario = perturbedScenario(3);
      const { drawn, expected } = await decidableCase(graphOf(input, PATCHES), 3, 4, scenario);
      expectOutcome(drawn, await onEngine(engine, drawn, scenario), expected);
    },
  );
});
