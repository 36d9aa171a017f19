import { describe, expect, it, vi } from "vitest";
import type { Engine } from "../../../../client/engine/engine.ts";
import { nodeEnvironment } from "../../../../client/engine/opening/node-environment.ts";
import { OPERATIONS } from "../../../../client/engine/program/operations/operations.ts";
import type * as Operations from "../../../../client/engine/program/operations/operations.ts";
import type * as Shapes from "../../../../protocol/model/operation-shapes.ts";
import { openWasmEngine } from "../../../../client/engine/wasm/wasm-engine.ts";
import { openWebgpuEngine } from "../../../../client/engine/webgpu/webgpu-engine.ts";
import type { Graph, Operation } from "../../../../protocol/model/graph.ts";
import { stateLayout } from "../../../../protocol/model/state-layout.ts";
import { openNodeJudge } from "../../../../client/judge/node-judge.ts";
import { GraphBuilder } from "../numerics/graph-builder.ts";
import { drawCase, onEngine } from "../numerics/numeric-case.ts";
import { randomPixelBatch } from "../numerics/random-graph.ts";
import { gradientScenario } from "../numerics/scenarios.ts";
import { double } from "./double.ts";

/**
 * What a new operation takes that is made of kernels there are: its type and its entry among the
 * shapes of the protocol, and a description. Here all of it comes from `double.ts`.
 */
vi.mock("../../../../client/engine/program/operations/operations.ts", async (original) => {
  const known = await original<typeof Operations>();
  const { doubleDescription, isDouble } = await import("./double.ts");
  return {
    ...known,
    operationOf: (step: never) => (isDouble(step) ? doubleDescription : known.operationOf(step)),
    evaluationOf: (step: never) =>
      isDouble(step) ? doubleDescription.evaluation : known.evaluationOf(step),
  };
});
vi.mock("../../../../protocol/model/operation-shapes.ts", async (original) => {
  const known = await original<typeof Shapes>();
  const { doubleShape, isDouble } = await import("./double.ts");
  return {
    ...known,
    shapeOf: (step: never) => (isDouble(step) ? doubleShape : known.shapeOf(step)),
  };
});

/** Sums of a value with itself: behind a convolution, a norm and an activation, and before a norm. */
function withSums(): Graph {
  const net = new GraphBuilder({ height: 6, width: 5, channels: 3 });
  const twice = (x: string): string => net.add(x, x);
  const conv = { channels: 8, kernel: 3 };
  const first = net.relu(twice(net.conv(net.image, conv)));
  const second = net.relu(net.norm(twice(net.relu(net.norm(net.conv(first, conv))))));
  const third = net.conv(twice(second), conv);
  return net.graph(net.linear(net.pool(net.relu(net.norm(third))), 4));
}

/** The same graph with the new operation in the place of each such sum. */
function withDoubles(graph: Graph): Graph {
  const operations = graph.operations.map((operation) =>
    operation.kind === "add" && operation.inputs[0] === operation.inputs[1]
      ? double(operation.inputs[0], operation.output)
      : operation,
  );
  return { ...graph, operations };
}

const machines: readonly [string, () => Promise<Engine>][] = [
  ["WebAssembly", () => openWasmEngine({ threads: 1 })],
  ["WebGPU", async () => openWebgpuEngine(await nodeEnvironment().gpu(), { software: true })],
];

describe("a new operation, described once", () => {
  it("is asked for by the compiler where an operation is one of the union", () => {
    // @ts-expect-error -- the table has no entry for it
    OPERATIONS satisfies Record<Operation["kind"] | "double", unknown>;
    expect(Object.keys(OPERATIONS)).not.toContain("double");
  });

  it.each(machines)("gives what an addition gives that does the same, on %s", async (_, open) => {
    const sums = withSums();
    const doubles = withDoubles(sums);
    expect(
      doubles.operations.filter((operation) => !sums.operations.includes(operation)),
    ).toHaveLength(3);
    const layout = stateLayout(sums);
    const scenario = gradientScenario(4);
    const engine = await open();
    const [expected, found] = await Promise.all(
      [sums, doubles].map((graph) => {
        const drawn = drawCase({ graph, layout }, 2, 5);
        return onEngine(engine, drawn, (session) => scenario(session, drawn));
      }),
    );
    expect(found).toEqual(expected);
    await engine.close();
  });

  it("gives the same by TensorFlow.js, by the line that it brings for it", async () => {
    const sums = withSums();
    const layout = stateLayout(sums);
    const { teacher: state } = drawCase({ graph: sums, layout }, 2, 5);
    const { pixels, size: count } = randomPixelBatch(sums, 3, 5);
    const images = { pixels, count, ...sums.inputShape };
    const judge = await openNodeJudge();
    const logitsOf = async (graph: Graph): Promise<Float32Array> => {
      const model = judge.read({ graph, layout, state });
      const normalisation = { mean: [0.5, 0.5, 0.5], std: [0.25, 0.25, 0.25] };
      const logits = await model.logits(images, [0, 1, 2], normalisation);
      model.close();
      return logits;
    };
    expect(await logitsOf(withDoubles(sums))).toEqual(await logitsOf(sums));
  });
});
