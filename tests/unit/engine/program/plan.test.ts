import { describe, expect, it } from "vitest";
import {
  evaluationPlan,
  stepInputs,
  trainingPlan,
} from "../../../../client/engine/program/plan.ts";
import { resnet18 } from "../../../../protocol/model/architectures/resnet18.ts";
import type { Activation, Graph } from "../../../../protocol/model/graph.ts";
import { GraphBuilder } from "../numerics/graph-builder.ts";
import { smallGraph } from "../small-graph.ts";

const graph = resnet18({ width: 4, classes: 5 });

function kinds(steps: readonly { readonly kind: string }[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { kind } of steps) counts[kind] = (counts[kind] ?? 0) + 1;
  return counts;
}

function broken(operations: Graph["operations"]): Graph {
  return { ...smallGraph().graph, operations };
}

/** Of both plans for a residual block with an activation behind the norm and behind the sum. */
function kindsWith(activation: Activation): Record<string, number>[] {
  const net = new GraphBuilder({ height: 4, width: 4, channels: 3 });
  const conv = { channels: 4, kernel: 3 };
  const x = net.conv(net.image, conv);
  const first = net.activate(net.norm(x), activation);
  const sum = net.activate(net.add(net.norm(net.conv(first, conv)), x), activation);
  const built = net.graph(net.linear(net.pool(sum), 2));
  return [trainingPlan(built).steps, evaluationPlan(built).steps].map(kinds);
}

describe("training plan", () => {
  it("lets batch norms take up every addition and rectifier of a ResNet-18", () => {
    const { steps } = trainingPlan(graph);
    expect(kinds(steps)).toEqual({
      conv2d: 20,
      "batch-norm": 20,
      "global-average-pool": 1,
      linear: 1,
    });
    const norms = steps.filter((step) => step.kind === "batch-norm");
    expect(norms.filter(({ addend }) => addend !== undefined)).toHaveLength(8);
    // The three norms whose sum a shortcut's norm takes up are not rectified themselves.
    expect(norms.filter(({ activation }) => activation === "relu")).toHaveLength(17);
  });

  it("keeps what another operation still reads", () => {
    const { steps } = trainingPlan(smallGraph().graph);
    expect(kinds(steps)).toEqual({
      conv2d: 2,
      activation: 1,
      add: 2,
      "batch-norm": 1,
      "global-average-pool": 1,
      linear: 1,
    });
  });

  it("keeps the sum before an activation whose derivative is told from its input", () => {
    const [fused, folded] = kindsWith("relu6");
    expect(fused).toMatchObject({ "batch-norm": 2 });
    expect(fused).not.toHaveProperty("activation");
    const [kept, evaluated] = kindsWith("silu");
    expect(kept).toEqual({ ...fused, activation: 1 });
    expect(evaluated).toEqual(folded);
  });

  it("takes up no sum with one value a channel", () => {
    const net = new GraphBuilder({ height: 4, width: 4, channels: 3 });
    const normed = net.norm(net.conv(net.image, { channels: 5, kernel: 3 }));
    const sum = net.add(normed, net.pool(normed));
    const { steps } = trainingPlan(net.graph(net.linear(net.pool(sum), 2)));
    expect(kinds(steps)).toMatchObject({ "batch-norm": 1, add: 1 });
  });

  it("refuses a value read before it is written, and one written twice", () => {
    const [first, second, ...rest] = smallGraph().graph.operations;
    expect(() => trainingPlan(broken([second!, first!, ...rest]))).toThrow(
      "reads 'a' before it is written",
    );
    expect(() => trainingPlan(broken([first!, first!, second!, ...rest]))).toThrow(
      "'a' of small is written twice",
    );
    expect(() => trainingPlan(broken([first!, second!]))).toThrow("writes 'logits'");
  });
});

describe("evaluation plan", () => {
  it("folds every batch norm of a ResNet-18 into its convolution", () => {
    expect(kinds(evaluationPlan(graph).steps)).toEqual({
      "folded-conv": 20,
      "global-average-pool": 1,
      linear: 1,
    });
  });

  it.each([graph, smallGraph().graph])(
    "frees each value once, after its last reader",
    (anyGraph) => {
      const { steps, lastUses, output } = evaluationPlan(anyGraph);
      const freed = new Set<string>();
      steps.forEach((step, index) => {
        for (const input of stepInputs(step)) expect(freed.has(input)).toBe(false);
        for (const value of lastUses[index]!) {
          expect(freed.has(value)).toBe(false);
          freed.add(value);
        }
      });
      expect(freed).toEqual(
        new Set(steps.map((step) => step.output).filter((value) => value !== output)),
      );
    },
  );
});
