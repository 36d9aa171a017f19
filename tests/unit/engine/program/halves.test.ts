import { describe, expect, it } from "vitest";
import { accessOf } from "../../../../client/engine/program/kernels/kernels.ts";
import { compileProgram, type ProgramMode } from "../../../../client/engine/program/compile.ts";
import { describeProgram } from "../../../../client/engine/program/describe.ts";
import type { Program } from "../../../../client/engine/program/program.ts";
import type { Operand, Precision } from "../../../../client/engine/program/operands.ts";
import { defaultTiles, tilingOf } from "../../../../client/engine/webgpu/tiles/tiles.ts";
import { resnet18 } from "../../../../protocol/model/architectures/resnet18.ts";
import type { Graph } from "../../../../protocol/model/graph.ts";
import { stateLayout } from "../../../../protocol/model/state-layout.ts";
import { randomGraph } from "../numerics/random-graph.ts";

const tiling = tilingOf(defaultTiles(false, true));
/** Every buffer begins at a multiple of so many values. */
const GRAIN = 64;

function compile(
  graph: Graph,
  groupSize: number,
  mode: ProgramMode,
  precision: Precision,
): Program {
  const batch = { groupSize, groups: 2 };
  return compileProgram({ graph, layout: stateLayout(graph), mode, batch, tiling, precision });
}

/** Goes through a program, noting whose values each piece of memory holds. */
function expectEveryValueReadAsWritten({ images, logits, kernels }: Program): void {
  const owners = { arena: new Map<number, Operand>(), halves: new Map<number, Operand>() };
  const grains = (operand: Operand, visit: (owned: Map<number, Operand>, at: number) => void) => {
    if (operand.region !== "arena" && operand.region !== "halves") return;
    const owned = owners[operand.region];
    for (let at = 0; at < operand.length; at += GRAIN) visit(owned, operand.offset + at);
  };
  const write = (operand: Operand): void =>
    grains(operand, (owned, at) => {
      expect(at % GRAIN).toBe(0);
      owned.set(at, operand);
    });
  const read = (operand: Operand): void =>
    grains(operand, (owned, at) => expect(owned.get(at)).toBe(operand));
  write(images);
  for (const { kernel } of kernels) {
    const { reads, writes } = accessOf(kernel);
    // A workspace is read after it was written by the same kernel.
    for (const operand of reads) if (!writes.includes(operand)) read(operand);
    for (const operand of writes) write(operand);
  }
  read(logits);
}

describe("a program that stores activations as halves", () => {
  const graph = resnet18({ width: 64, classes: 10 });
  const program = compile(graph, 64, "distil", "f16");

  it("stores the feature maps of a ResNet-18 and their gradients so, and nothing else", () => {
    const maps = program.kernels.flatMap(({ kernel }): (Operand | undefined)[] => {
      switch (kernel.kind) {
        case "convolve":
        case "combine":
          return [kernel.y];
        case "input-gradient":
          return [kernel.dx];
        case "gather-gradient":
          return [kernel.g];
        case "norm-gradient":
          return [kernel.dz];
        default:
          return [];
      }
    });
    const written = program.kernels.flatMap(({ kernel }) => accessOf(kernel).writes);
    const inHalves = written.filter(({ region }) => region === "halves");
    expect(new Set(inHalves)).toEqual(new Set(maps.filter((operand) => operand !== undefined)));
  });

  it("needs little more than half the memory and traffic of float32", () => {
    const halves = describeProgram(program);
    const floats = describeProgram(compile(graph, 64, "distil", "f32"));
    expect(halves.kernels).toHaveLength(floats.kernels.length);
    expect(halves.flops).toBe(floats.flops);
    expect(halves.arenaBytes).toBeLessThan(0.55 * floats.arenaBytes);
    expect(halves.bytes).toBeLessThan(0.6 * floats.bytes);
    expect(halves.arenaBytes).toBeLessThan(halves.unsharedBytes / 3);
  });

  it.each(Array.from({ length: 40 }, (_, seed) => seed))(
    "reads every value as it was written: random graph %i",
    (seed) => {
      for (const mode of ["distil", "supervise", "evaluate", "observe"] as const) {
        expectEveryValueReadAsWritten(compile(randomGraph(seed).graph, 3, mode, "f16"));
      }
    },
  );
});
