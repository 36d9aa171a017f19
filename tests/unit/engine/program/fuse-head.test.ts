import { describe, expect, it } from "vitest";
import { accessOf } from "../../../../client/engine/program/kernels/kernels.ts";
import { compileProgram, type ProgramMode } from "../../../../client/engine/program/compile.ts";
import { describeProgram } from "../../../../client/engine/program/describe.ts";
import type { HeadKernel } from "../../../../client/engine/program/kernels/head.ts";
import type { Kernel } from "../../../../client/engine/program/kernels/kernels.ts";
import type { Program } from "../../../../client/engine/program/program.ts";
import { wasmTiling } from "../../../../client/engine/wasm/plan/wasm-tiling.ts";
import { resnet18 } from "../../../../protocol/model/architectures/resnet18.ts";
import type { Graph } from "../../../../protocol/model/graph.ts";
import { stateLayout } from "../../../../protocol/model/state-layout.ts";
import { convolutionalHead, deepHead, linearHead, type Head } from "../numerics/blocks.ts";
import { GraphBuilder } from "../numerics/graph-builder.ts";

function compile(
  graph: Graph,
  fusesHead: (head: HeadKernel) => boolean,
  mode: ProgramMode = "distil",
): Program {
  const batch = { groupSize: 3, groups: 2 };
  const layout = stateLayout(graph);
  return compileProgram({ graph, layout, mode, batch, tiling: wasmTiling, fusesHead });
}

const always = (): boolean => true;
const never = (): boolean => false;

function kernels(program: Program): Kernel[] {
  return program.kernels.map(({ kernel }) => kernel);
}

function heads(program: Program): HeadKernel[] {
  return kernels(program).filter((kernel) => kernel.kind === "head");
}

function small(head: Head, before: (net: GraphBuilder) => string = (net) => net.image): Graph {
  const net = new GraphBuilder({ height: 4, width: 3, channels: 3 });
  return net.graph(head(net, before(net), 5));
}

const conv = (net: GraphBuilder): string => net.conv(net.image, { channels: 4, kernel: 3 });
const rectifiedHead: Head = (net, x, classes) => net.linear(net.relu(net.pool(x)), classes);
const longHead: Head = (net, x, classes) => net.linear(net.linear(net.pool(x), 7), classes);

describe("the head of a ResNet-18", () => {
  const graph = resnet18({ width: 8, classes: 10 });

  it("is one kernel instead of six, with the same arithmetic and a later teacher's end", () => {
    const apart = compile(graph, never);
    const together = compile(graph, always);
    expect(together.kernels).toHaveLength(apart.kernels.length - 5);
    expect(heads(together)).toMatchObject([
      {
        images: 6,
        classes: 10,
        student: { positions: 16, channels: 64 },
        teacher: { positions: 16, channels: 64 },
      },
    ]);
    const fused = new Set(["pool", "linear", "loss", "linear-gradient"]);
    expect(kernels(together).filter(({ kind }) => fused.has(kind))).toEqual([]);
    expect(describeProgram(together).flops).toBe(describeProgram(apart).flops);
  });

  it("reads what the teacher's last block gave, which nothing has taken the place of", () => {
    const program = compile(graph, always);
    const [head] = heads(program);
    const { values } = head!.teacher!.x;
    const at = kernels(program).indexOf(head!);
    const writers = kernels(program).map((kernel) =>
      accessOf(kernel).writes.some(
        ({ region, offset, length }) =>
          region === values.region &&
          offset < values.offset + values.length &&
          values.offset < offset + length,
      ),
    );
    const last = writers.lastIndexOf(true, at);
    expect(accessOf(kernels(program)[last]!).writes).toContain(values);
    expect(program.kernels[last]!.pass).toBe("teacher");
  });

  it("is fused without a teacher too, and not where there is no loss", () => {
    expect(heads(compile(graph, always, "supervise"))).toMatchObject([{ teacher: undefined }]);
    expect(heads(compile(graph, always, "evaluate"))).toEqual([]);
    expect(heads(compile(graph, always, "observe"))).toEqual([]);
  });

  it("stays in pieces where the backend says that it does not fit", () => {
    const asked: HeadKernel[] = [];
    const refuse = (head: HeadKernel): boolean => {
      asked.push(head);
      return false;
    };
    expect(compile(graph, refuse)).toEqual(compile(graph, never));
    expect(asked).toHaveLength(1);
  });
});

describe("a network's end", () => {
  it("is a head if it is a pooling and a linear layer, also right after the images", () => {
    expect(heads(compile(small(linearHead), always))).toHaveLength(1);
  });

  it("is left alone if it is anything else", () => {
    for (const head of [convolutionalHead, deepHead, rectifiedHead, longHead]) {
      const graph = small(head, conv);
      expect(compile(graph, always)).toEqual(compile(graph, never));
    }
  });
});
