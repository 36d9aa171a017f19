import { describe, expect, it } from "vitest";
import { accessOf } from "../../../../client/engine/program/kernels/kernels.ts";
import { compileProgram, type ProgramMode } from "../../../../client/engine/program/compile.ts";
import { describeProgram } from "../../../../client/engine/program/describe.ts";
import type { Kernel } from "../../../../client/engine/program/kernels/kernels.ts";
import type { Program } from "../../../../client/engine/program/program.ts";
import type { Operand } from "../../../../client/engine/program/operands.ts";
import type { BatchShape } from "../../../../client/engine/program/program-writer.ts";
import type { Tiling } from "../../../../client/engine/program/tiling.ts";
import { resnet18 } from "../../../../protocol/model/architectures/resnet18.ts";
import type { Graph } from "../../../../protocol/model/graph.ts";
import { stateLayout } from "../../../../protocol/model/state-layout.ts";
import { randomGraph } from "../numerics/random-graph.ts";
import { smallGraph } from "../small-graph.ts";

/** Runs of 64 and 256 rows, as a GPU's tiles might be. */
const TILING: Tiling = {
  convolveParts: ({ outputHeight, outputWidth }, groupSize) =>
    Math.ceil((groupSize * outputHeight * outputWidth) / 64),
  inputGradientParts: ({ inputHeight, inputWidth }, groupSize) =>
    Math.ceil((groupSize * inputHeight * inputWidth) / 64),
  rowParts: (rows) => Math.ceil(rows / 256),
  filterParts: ({ outputHeight, outputWidth }, groupSize) =>
    Math.max(1, Math.min(16, Math.floor((groupSize * outputHeight * outputWidth) / 2048))),
  depthwise: {
    forwardParts: ({ vertical }, groupSize) => groupSize * vertical.output,
    inputGradientParts: ({ vertical }, groupSize) => groupSize * vertical.input,
    filterParts: (_, groupSize) => groupSize,
  },
};

function compile(
  graph: Graph,
  batch: BatchShape,
  mode: ProgramMode = "distil",
  fuses = false,
): Program {
  const layout = stateLayout(graph);
  const fusesHead = (): boolean => fuses;
  return compileProgram({ graph, layout, mode, batch, tiling: TILING, fusesHead });
}

/** Programs with perturbed copies, and one that looks at images as they are. */
function adversarial(graph: Graph, batch: BatchShape): Program[] {
  const layout = stateLayout(graph);
  const common = { graph, layout, batch, tiling: TILING };
  const copies = { perGroup: 2, perImage: false };
  const each = { perGroup: 1, perImage: true };
  return [
    compileProgram({ ...common, mode: "distil", copies }),
    compileProgram({ ...common, mode: "imitate", copies: each }),
    compileProgram({ ...common, mode: "attack", copies: each }),
    compileProgram({ ...common, mode: "attack" }),
  ];
}

function kinds(program: Program): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { pass, kernel } of program.kernels) {
    const name = `${pass} ${kernel.kind}`;
    counts[name] = (counts[name] ?? 0) + 1;
  }
  return counts;
}

/** Values or rows that sums of a forward pass and its norms' statistics are over, and their parts. */
function statisticsOf({ kernels }: Program): (readonly [over: number, parts: number])[] {
  return kernels.flatMap(({ pass, kernel }) => {
    if (kernel.kind === "norm-statistics") return [[kernel.count, kernel.sums.parts] as const];
    if (pass !== "forward") return [];
    switch (kernel.kind) {
      case "convolve":
      case "depthwise":
      case "combine":
        return kernel.sums ? [[kernel.sums.cleanRows, kernel.sums.parts] as const] : [];
      default:
        return [];
    }
  });
}

function overlap(a: Operand, b: Operand): boolean {
  return a.offset < b.offset + b.length && b.offset < a.offset + a.length;
}

/** What a convolution reads more than once and out of order. */
function convolvedBy(kernel: Kernel): Operand | undefined {
  switch (kernel.kind) {
    case "convolve":
    case "depthwise":
      return kernel.x.values;
    case "input-gradient":
    case "depthwise-input-gradient":
      return kernel.dy;
    default:
      return undefined;
  }
}

/** Fails when a kernel overwrites what a later one still reads, or reads and writes one place. */
function expectNothingOverwritten(program: Program): void {
  const accesses = program.kernels.map(({ kernel }) => accessOf(kernel));
  const lastRead = new Map<Operand, number>([[program.logits, accesses.length]]);
  accesses.forEach(({ reads }, index) => {
    for (const operand of reads) lastRead.set(operand, index);
  });
  const written = new Set<Operand>([program.images]);
  accesses.forEach(({ reads, writes, inPlace }, index) => {
    for (const target of writes) {
      if (target.region !== "arena") continue;
      expect(target.offset % 64).toBe(0);
      expect(target.offset + target.length).toBeLessThanOrEqual(program.arenaLength);
      for (const source of reads) {
        if (source === target || source.region !== "arena" || !overlap(source, target)) continue;
        expect(inPlace.some(([to, from]) => to === target && from === source)).toBe(true);
        expect(source.offset).toBe(target.offset);
        expect(source).not.toBe(convolvedBy(program.kernels[index]!.kernel));
      }
      for (const other of written) {
        if (other === target || other.region !== "arena" || !overlap(other, target)) continue;
        expect(lastRead.get(other) ?? -1, `kernel ${index} overwrites`).toBeLessThanOrEqual(index);
      }
    }
    for (const a of writes) {
      for (const b of writes) {
        if (a !== b && a.region === b.region) expect(overlap(a, b)).toBe(false);
      }
    }
    for (const operand of writes) written.add(operand);
  });
}

describe("a ResNet-18's distillation step", () => {
  const program = compile(resnet18({ width: 64, classes: 10 }), { groupSize: 128, groups: 1 });
  const description = describeProgram(program);

  it("is 157 kernels: norms ride on convolutions, only block outputs are stored", () => {
    expect(kinds(program)).toEqual({
      "teacher convolve": 20,
      "teacher pool": 1,
      "teacher linear": 1,
      "forward convolve": 20,
      "forward norm-statistics": 20,
      "forward combine": 8,
      "forward pool": 1,
      "forward linear": 1,
      "loss loss": 1,
      "backward linear-gradient": 1,
      // The pooling's, and the sums of three shortcuts' norms.
      "backward gather-gradient": 4,
      "backward norm-gradient-factors": 20,
      "backward norm-gradient": 20,
      "backward filter-gradient": 20,
      "backward input-gradient": 19,
    });
  });

  it("reads and writes at most 20 times the convolution outputs", () => {
    expect(description.convolutionOutputBytes).toBe(128 * 614_400 * 4);
    expect(description.bytes).toBeLessThan(20 * description.convolutionOutputBytes);
  });

  it("has 4.44 GFLOP an image, as counted by hand", () => {
    expect(description.flops / 128 / 1e9).toBeCloseTo(4.44, 2);
  });

  it("needs less than 700 MB with all its weights, a third of what it would without reuse", () => {
    const layout = stateLayout(resnet18({ width: 64, classes: 10 }));
    // Student, teacher, gradient, velocity.
    const weights = 4 * layout.length * 4;
    expect(description.arenaBytes + weights).toBeLessThan(700e6);
    expect(description.arenaBytes).toBeLessThan(description.unsharedBytes / 3);
  });

  it("is described as a table with totals", () => {
    const lines = description.text.split("\n");
    expect(lines).toHaveLength(1 + 157 + 2);
    expect(lines.at(-2)).toMatch(
      /^157 kernels, 568\.\d+ GFLOP, \d+ MB read and written \(16\.\d times/,
    );
    expect(lines[2]).toContain("[128,32,32,64] → [128,32,32,64], 3×3/1");
  });
});

describe("a ResNet-18's step against a perturbation", () => {
  const [free, imitating, attacking, inspecting] = adversarial(
    resnet18({ width: 16, classes: 10 }),
    { groupSize: 32, groups: 2 },
  ) as [Program, Program, Program, Program];

  it("is three kernels more where the training pass gives the gradient", () => {
    const { kernels } = compile(resnet18({ width: 16, classes: 10 }), {
      groupSize: 32,
      groups: 2,
    });
    expect(free.kernels).toHaveLength(kernels.length + 3);
    const found = kinds(free);
    expect(found["forward perturb"]).toBe(1);
    expect(found["backward input-gradient"]).toBe(20);
    expect(found["backward collect-ascent"]).toBe(1);
    // The teacher sees the images, the student the copies too.
    const convolutions = free.kernels.flatMap(({ pass, kernel, groupSize }) =>
      kernel.kind === "convolve" ? [`${pass} ${kernel.geometry.images} ${groupSize}`] : [],
    );
    expect(new Set(convolutions)).toEqual(new Set(["teacher 64 32", "forward 68 34"]));
  });

  it("takes statistics from the images alone, in the pieces of a step without copies", () => {
    const graph = resnet18({ width: 16, classes: 10 });
    const plain = compile(graph, { groupSize: 32, groups: 2 });
    // Of each norm: the sums, and what is made of them.
    expect(statisticsOf(plain)).toHaveLength(2 * 20);
    expect(statisticsOf(free)).toEqual(statisticsOf(plain));
    expect(statisticsOf(imitating)).toEqual(statisticsOf(plain));
    for (const { kernel, groupSize } of free.kernels) {
      if (kernel.kind !== "norm-gradient") continue;
      expect(kernel.cleanRows / kernel.rows).toBe(32 / groupSize / 2);
    }
  });

  it("does not ask for the images' gradient where ascents went before", () => {
    const found = kinds(imitating);
    expect(found["teacher convolve"]).toBeUndefined();
    expect(found["backward input-gradient"]).toBe(19);
    expect(found["backward collect-ascent"]).toBeUndefined();
  });

  it("ascends by the copies alone, and touches no student", () => {
    for (const [program, images] of [
      [attacking, 2],
      [inspecting, 64],
    ] as const) {
      const found = kinds(program);
      expect(found["backward filter-gradient"]).toBeUndefined();
      expect(found["forward norm-statistics"]).toBeUndefined();
      expect(found["forward running-norm"]).toBe(20);
      expect(found["backward input-gradient"]).toBe(20);
      const regions = program.kernels.flatMap(({ kernel }) =>
        accessOf(kernel).writes.map(({ region }) => region),
      );
      expect(new Set(regions)).toEqual(new Set(["arena"]));
      expect(program.logits.length).toBe(images * 10);
    }
    expect(kinds(attacking)["forward perturb"]).toBe(1);
    expect(kinds(inspecting)["forward perturb"]).toBeUndefined();
  });
});

describe("any program", () => {
  const graphs: [string, Graph][] = [
    ["ResNet-18", resnet18({ width: 4, classes: 5 })],
    ["a graph unlike a ResNet", smallGraph().graph],
    ...Array.from({ length: 40 }, (_, seed): [string, Graph] => [
      `random graph ${seed}`,
      randomGraph(seed).graph,
    ]),
  ];

  it.each(graphs)("overwrites nothing that is still read: %s", (_, graph) => {
    for (const mode of ["distil", "supervise", "evaluate", "observe", "measure"] as const) {
      expectNothingOverwritten(compile(graph, { groupSize: 3, groups: 2 }, mode));
      expectNothingOverwritten(compile(graph, { groupSize: 3, groups: 2 }, mode, true));
    }
    for (const program of adversarial(graph, { groupSize: 3, groups: 2 })) {
      expectNothingOverwritten(program);
    }
  });

  it.each(graphs)("gives every parameter of the loss a gradient: %s", (_, graph) => {
    const layout = stateLayout(graph);
    const trainable = layout.entries.filter(({ offset }) => offset < layout.trainableLength);
    for (const fuses of [false, true]) {
      const { kernels } = compile(graph, { groupSize: 3, groups: 2 }, "distil", fuses);
      const written = kernels.flatMap(({ kernel }) => accessOf(kernel).writes);
      for (const { name, offset, size } of trainable) {
        const found = written.filter(
          (operand) => operand.region === "gradient" && operand.offset === offset,
        );
        expect(
          found.map(({ length }) => length),
          name,
        ).toEqual([size]);
      }
    }
  });

  it("leaves running statistics alone when it only observes", () => {
    const program = compile(smallGraph().graph, { groupSize: 4, groups: 1 }, "observe");
    const touched = program.kernels.flatMap(({ kernel }) => accessOf(kernel).writes);
    expect(touched.filter(({ region }) => region !== "arena")).toEqual([]);
  });

  it("[B2.1] leaves the batch's statistics where it measures, and moves nothing else", () => {
    const { graph, layout } = smallGraph();
    const program = compile(graph, { groupSize: 4, groups: 1 }, "measure");
    const touched = program.kernels.flatMap(({ kernel }) => accessOf(kernel).writes);
    const written = touched
      .filter(({ region }) => region !== "arena")
      .map(({ region, offset, length }) => ({ region, offset, length }));
    const statistics = layout.entries
      .filter(({ offset }) => offset >= layout.trainableLength)
      .map(({ offset, size }) => ({ region: "student", offset, length: size }));
    expect(written).toHaveLength(statistics.length);
    expect(written).toEqual(expect.arrayContaining(statistics));
    // Each norm reads its running statistics before it gives them up.
    const norms = program.kernels.map(({ kernel }) => kernel.kind).filter((k) => /norm/.test(k));
    expect(norms.join()).toMatch(/^running-norm,norm-statistics(,running-norm,norm-statistics)*$/);
  });

  it("refuses a norm that sees one value per channel", () => {
    const { graph } = randomGraph(0);
    const flat: Graph = { ...smallGraph().graph, inputShape: { height: 1, width: 1, channels: 3 } };
    expect(() => compile(flat, { groupSize: 1, groups: 4 })).toThrow("at least 2 images");
    expect(() => compile(graph, { groupSize: 2, groups: 1 })).not.toThrow();
  });
});
