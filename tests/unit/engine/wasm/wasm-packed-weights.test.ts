import { describe, expect, it } from "vitest";
import { compileProgram, type ProgramMode } from "../../../../client/engine/program/compile.ts";
import type { Program } from "../../../../client/engine/program/program.ts";
import type { Operand } from "../../../../client/engine/program/operands.ts";
import { CodeLibrary } from "../../../../client/engine/wasm/code/code-library.ts";
import { packedWeightsOf } from "../../../../client/engine/wasm/packed-weights.ts";
import {
  planProgram,
  type PlannedKernel,
} from "../../../../client/engine/wasm/plan/plan-program.ts";
import type { Model } from "../../../../client/engine/wasm/session-memory.ts";
import { wasmTiling } from "../../../../client/engine/wasm/plan/wasm-tiling.ts";
import { openWasmEngine } from "../../../../client/engine/wasm/wasm-engine.ts";
import { resnet18 } from "../../../../protocol/model/architectures/resnet18.ts";
import type { Graph } from "../../../../protocol/model/graph.ts";
import { stateLayout } from "../../../../protocol/model/state-layout.ts";
import { linearHead } from "../numerics/blocks.ts";
import { GraphBuilder } from "../numerics/graph-builder.ts";
import { randomBatch, randomState } from "../numerics/random-graph.ts";

/** Where regions begin, in bytes; far from each other. */
const REGIONS = { arena: 0, halves: 0, student: 2 ** 28, gradient: 2 ** 29, teacher: 2 ** 30 };
const PASSING = 3 * 2 ** 29;
const LASTING = 2 ** 31;

/** Winograd and direct convolutions, sliced by channels, strided, grouped, with channels left over. */
function variedGraph(): Graph {
  const net = new GraphBuilder({ height: 9, width: 6, channels: 3 });
  const wide = net.relu(net.norm(net.conv(net.image, { channels: 130, kernel: 3 })));
  const grouped = net.relu(net.conv(wide, { channels: 26, kernel: 3, stride: 2, groups: 2 }));
  const deep = net.relu(net.norm(net.conv(grouped, { channels: 128, kernel: 3 })));
  const winograd = net.norm(net.conv(deep, { channels: 128, kernel: 3 }));
  return net.graph(linearHead(net, net.add(winograd, deep), 5));
}

const graphs: [string, Graph][] = [
  ["ResNet-18", resnet18({ width: 16, classes: 10 })],
  ["a varied network", variedGraph()],
];

function programOf(
  graph: Graph,
  mode: ProgramMode,
  batch: { groupSize: number; groups: number },
): Program {
  return compileProgram({ graph, layout: stateLayout(graph), mode, batch, tiling: wasmTiling });
}

function planned(library: CodeLibrary, program: Program, model: Model): readonly PlannedKernel[] {
  const { lasting } = packedWeightsOf(program, model);
  const site = {
    library,
    address: ({ region, offset }: Operand) => REGIONS[region] + 4 * offset,
    packedWeights: (kernel: PlannedKernel["kernel"]) => {
      const place = lasting.get(kernel);
      return place === undefined ? PASSING : LASTING + place;
    },
    needScratch: () => {},
    groupSize: program.groupSize,
    groups: program.groups,
  };
  return planProgram(site, program, (kernel) => lasting.has(kernel));
}

function packedOnce(kernels: readonly PlannedKernel[]): PlannedKernel["once"][] {
  return kernels.map(({ once }) => once).filter((once) => once.length > 0);
}

describe.each(graphs)("the teacher's packed weights: %s", (_, graph) => {
  const convolutions = graph.operations.filter(({ kind }) => kind === "conv2d").length;

  it("are packed to the same places by programs for any batch", () => {
    const library = new CodeLibrary(false, false);
    const found = [
      programOf(graph, "distil", { groupSize: 5, groups: 2 }),
      programOf(graph, "distil", { groupSize: 32, groups: 1 }),
      programOf(graph, "evaluate", { groupSize: 1, groups: 1 }),
    ].map((program) => packedOnce(planned(library, program, "teacher")));
    expect(found[0]).toHaveLength(convolutions);
    expect(found[1]).toEqual(found[0]);
    expect(found[2]).toEqual(found[0]);
  });

  it("have memory of their own, and are packed in no run", () => {
    const program = programOf(graph, "distil", { groupSize: 3, groups: 1 });
    const { lasting, lastingBytes } = packedWeightsOf(program, "teacher");
    const ends = [...lasting.values(), lastingBytes];
    expect(ends).toHaveLength(convolutions + 1);
    const kernels = planned(new CodeLibrary(false, false), program, "teacher");
    const packings = packedOnce(kernels);
    packings.forEach((tasks, index) => {
      // A packing call's target is its second argument.
      for (const [, , target] of tasks.flat()) {
        expect(target).toBeGreaterThanOrEqual(LASTING + ends[index]!);
        expect(target).toBeLessThan(LASTING + ends[index + 1]!);
      }
    });
    for (const { pass, kernel, stages, once } of kernels) {
      const convolves = kernel.kind === "convolve" || kernel.kind === "input-gradient";
      if (convolves) expect(stages).toHaveLength(pass === "teacher" ? 1 : 2);
      expect(once.length > 0).toBe(convolves && pass === "teacher");
    }
  });

  it("are packed in each run where another model takes the teacher's place", () => {
    const program = programOf(graph, "evaluate", { groupSize: 2, groups: 1 });
    const { lastingBytes, passingBytes } = packedWeightsOf(program, "evaluated");
    expect(lastingBytes).toBe(0);
    expect(passingBytes).toBeGreaterThan(0);
    expect(packedOnce(planned(new CodeLibrary(false, false), program, "evaluated"))).toEqual([]);
  });
});

it("the teacher answers the same before and after memory was moved, whoever else was asked", async () => {
  const graph = variedGraph();
  const layout = stateLayout(graph);
  const engine = await openWasmEngine({ threads: 1 });
  const session = engine.openSession({ graph, layout, teacher: randomState(layout, 1) });
  const settings = { learningRate: 0.01, momentum: 0.9, weightDecay: 0, temperature: 2 };
  const small = randomBatch(graph, 1, 2);
  const first = await session.logits("teacher", small);
  session.load(randomState(layout, 3));
  await session.superviseStep(small, new Float32Array(5).fill(0.2), settings);
  // Larger batches need a larger arena.
  await session.step(randomBatch(graph, 7, 4), settings);
  expect(await session.logits("student", small)).not.toEqual(first);
  expect(await session.logits("teacher", small)).toEqual(first);
  await session.logits("teacher", randomBatch(graph, 20, 5));
  expect(await session.logits("teacher", small)).toEqual(first);
  session.close();
  await engine.close();
});
