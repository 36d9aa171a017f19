import { expect, describe, it, vi } from "vitest";
import type { Engine } from "../../../../client/engine/engine.ts";
import { nodeEnvironment } from "../../../../client/engine/opening/node-environment.ts";
import { ACTIVATIONS } from "../../../../client/engine/program/activations.ts";
import type * as Activations from "../../../../client/engine/program/activations.ts";
import { openWasmEngine } from "../../../../client/engine/wasm/wasm-engine.ts";
import { openWebgpuEngine } from "../../../../client/engine/webgpu/webgpu-engine.ts";
import type { Activation, NamedActivation } from "../../../../protocol/model/graph.ts";
import { stateLayout } from "../../../../protocol/model/state-layout.ts";
import { expectOutcome } from "../numerics/closeness.ts";
import { GraphBuilder } from "../numerics/graph-builder.ts";
import { decidableCase } from "../numerics/decidable-case.ts";
import { onEngine, type Scenario } from "../numerics/numeric-case.ts";
import type * as References from "../numerics/reference-activations.ts";
import { gradientScenario, stepsScenario } from "../numerics/scenarios.ts";
import { FLOOR } from "./floor.ts";

/**
 * What a new activation takes: an entry of `activations.ts` and a word in the union, and its
 * definition for the reference. Here all three come from this folder.
 */
vi.mock("../../../../client/engine/program/activations.ts", async (original) => {
  const known = await original<typeof Activations>();
  const { FLOOR: name, floor } = await import("./floor.ts");
  return {
    ...known,
    rulesOf: (activation: Activation) => (activation === name ? floor : known.rulesOf(activation)),
  };
});
vi.mock("../numerics/reference-activations.ts", async (original) => {
  const known = await original<typeof References>();
  const { FLOOR: name, referenceFloor } = await import("./floor.ts");
  return {
    referenceOf: (activation: Activation) =>
      activation === name ? referenceFloor : known.referenceOf(activation),
  };
});

/** Everywhere that kernels apply activations or go back through them. */
function everywhere() {
  const net = new GraphBuilder({ height: 6, width: 5, channels: 3 });
  const act = (x: string): string => net.activate(x, FLOOR);
  const conv = { channels: 8, kernel: 3 };
  // On a convolution; on a norm read on the way; on a norm and an addend, stored; before the pooling.
  const first = act(net.conv(net.image, conv));
  const second = act(net.norm(net.conv(first, conv)));
  const third = act(net.add(net.norm(net.conv(second, conv)), first));
  const strided = net.conv(third, { channels: 6, kernel: 3, stride: 2 });
  const last = act(net.norm(strided));
  // On a flat value.
  const hidden = act(net.linear(net.pool(last), 7));
  const graph = net.graph(net.linear(hidden, 4));
  return { graph, layout: stateLayout(graph) };
}

const machines: readonly [string, () => Promise<Engine>][] = [
  ["WebAssembly", () => openWasmEngine({ threads: 1 })],
  ["WebGPU", async () => openWebgpuEngine(await nodeEnvironment().gpu(), { software: true })],
];
const scenarios: readonly [string, Scenario][] = [
  ["answers and gradients", gradientScenario(4)],
  ["two steps", stepsScenario(4)],
];

describe("a new activation, one entry of the table", () => {
  it("is asked for by the compiler where an activation is a word of the union", () => {
    // @ts-expect-error -- the table has no entry for it
    ACTIVATIONS satisfies Record<NamedActivation | "floor", unknown>;
    expect(Object.keys(ACTIVATIONS)).not.toContain(FLOOR);
  });

  it.each(machines)("is right in every place on %s", async (_, open) => {
    const engine = await open();
    for (const [, scenario] of scenarios) {
      const { drawn, expected } = await decidableCase(everywhere(), 2, 11, scenario);
      expectOutcome(drawn, await onEngine(engine, drawn, scenario), expected);
    }
    await engine.close();
  });
});
