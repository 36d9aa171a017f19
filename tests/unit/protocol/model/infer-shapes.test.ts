import { describe, expect, it } from "vitest";
import { resnet18 } from "../../../../protocol/model/architectures/resnet18.ts";
import {
  allSides,
  type Graph,
  type Operation,
  type Parameter,
} from "../../../../protocol/model/graph.ts";
import { depthStages } from "../../../../protocol/model/depth-stages.ts";
import { inferShapes } from "../../../../protocol/model/infer-shapes.ts";
import { tiedParameters } from "../../../../protocol/model/tied-parameters.ts";
import { problem } from "../problem.ts";

/** A small sound graph: 2→3 channel convolution, batch norm, residual sum, pool, two classes. */
const sound: Graph = {
  architecture: "small",
  input: "image",
  inputShape: { height: 5, width: 7, channels: 2 },
  output: "logits",
  classes: 2,
  operations: [
    {
      kind: "conv2d",
      input: "image",
      output: "c",
      weight: "c.w",
      stride: [2, 2],
      padding: allSides(1),
      dilation: [1, 1],
      groups: 1,
    },
    {
      kind: "batch-norm",
      input: "c",
      output: "n",
      scale: "n.w",
      shift: "n.b",
      runningMean: "n.m",
      runningVariance: "n.v",
      epsilon: 1e-5,
      momentum: 0.1,
    },
    { kind: "activation", activation: "relu", input: "n", output: "r" },
    { kind: "add", inputs: ["n", "r"], output: "s" },
    { kind: "global-average-pool", input: "s", output: "p" },
    { kind: "linear", input: "p", output: "logits", weight: "f.w", bias: "f.b" },
  ],
  parameters: [
    { name: "c.w", role: "conv-weight", shape: [3, 2, 3, 3] },
    { name: "n.w", role: "norm-scale", shape: [3] },
    { name: "n.b", role: "norm-shift", shape: [3] },
    { name: "n.m", role: "running-mean", shape: [3] },
    { name: "n.v", role: "running-variance", shape: [3] },
    { name: "f.w", role: "linear-weight", shape: [2, 3] },
    { name: "f.b", role: "linear-bias", shape: [2] },
  ],
};

const withOperation = (index: number, change: object): Graph => ({
  ...sound,
  operations: sound.operations.map((operation, i) =>
    i === index ? ({ ...operation, ...change } as Operation) : operation,
  ),
});

const withParameter = (name: string, change: Partial<Parameter>): Graph => ({
  ...sound,
  parameters: sound.parameters.map((parameter) =>
    parameter.name === name ? { ...parameter, ...change } : parameter,
  ),
});

const withClasses = (classes: number): Graph => ({
  ...sound,
  classes,
  parameters: sound.parameters.map((parameter) => {
    if (parameter.name === "f.w") return { ...parameter, shape: [classes, 3] };
    return parameter.name === "f.b" ? { ...parameter, shape: [classes] } : parameter;
  }),
});

/** The sound graph with four channels after a convolution of so many groups. */
function grouped({ groups, weight }: { groups: number; weight: readonly number[] }): Graph {
  const { operations } = withOperation(0, { groups });
  const parameters = sound.parameters.map((parameter): Parameter => {
    if (parameter.name === "c.w") return { ...parameter, shape: weight };
    if (parameter.name === "f.w") return { ...parameter, shape: [2, 4] };
    return parameter.name.startsWith("n.") ? { ...parameter, shape: [4] } : parameter;
  });
  return { ...sound, operations, parameters };
}

describe("shape inference", () => {
  it("[G1] gives every value its shape", () => {
    expect(Object.fromEntries(inferShapes(sound))).toEqual({
      image: [5, 7, 2],
      c: [3, 4, 3],
      n: [3, 4, 3],
      r: [3, 4, 3],
      s: [3, 4, 3],
      p: [3],
      logits: [2],
    });
  });

  it("[G1.1] takes a grouped convolution's weight as [out, in/groups, kh, kw]", () => {
    const shapes = inferShapes(grouped({ groups: 2, weight: [4, 1, 3, 3] }));
    expect(shapes.get("c")).toEqual([3, 4, 4]);
    expect(shapes.get("logits")).toEqual([2]);
  });

  it.each([1, 16, 64])("[G1] halves ResNet-18's resolution three times at width %i", (width) => {
    const shapes = inferShapes(resnet18({ width, classes: 43 }));
    expect(shapes.get("relu1")).toEqual([32, 32, width]);
    expect(shapes.get("layer1.1.relu2")).toEqual([32, 32, width]);
    expect(shapes.get("layer2.0.shortcut.0")).toEqual([16, 16, 2 * width]);
    expect(shapes.get("layer4.1.relu2")).toEqual([4, 4, 8 * width]);
    expect(shapes.get("logits")).toEqual([43]);
  });

  it.each<[string, Graph, RegExp]>([
    ["an unknown value", withOperation(2, { input: "x" }), /relu 'r': reads 'x'/],
    ["a later value", withOperation(1, { input: "s" }), /batch-norm 'n': reads 's'/],
    ["a value given twice", withOperation(2, { output: "n" }), /relu 'n'.*exists already/],
    ["too many channels", withParameter("c.w", { shape: [3, 4, 3, 3] }), /conv2d 'c'.*4 channels/],
    ["norm channels", withParameter("n.m", { shape: [4] }), /'n.m' is made for 4 channels/],
    ["linear inputs", withParameter("f.w", { shape: [2, 4] }), /linear 'logits'.*4 channels/],
    ["bias length", withParameter("f.b", { shape: [3] }), /'f.b' has 3 values/],
    ["parameter rank", withParameter("c.w", { shape: [3, 2, 3] }), /4 dimensions/],
    ["parameter role", withParameter("n.w", { role: "norm-shift" }), /'n.w' as norm-scale/],
    ["empty parameter", withParameter("n.w", { shape: [0] }), /'n.w'.*positive/],
    ["missing parameter", withParameter("n.w", { name: "z" }), /'n.w', which is not declared/],
    ["a parameter in two roles", withOperation(1, { shift: "n.w" }), /'n.w' as norm-shift/],
    ["kernel too large", withParameter("c.w", { shape: [3, 2, 8, 3] }), /8×3 kernel/],
    ["no stride", withOperation(0, { stride: [0, 1] }), /stride is 0×1/],
    ["negative padding", withOperation(0, { padding: allSides(-1) }), /padding is -1/],
    ["no groups", withOperation(0, { groups: 0 }), /conv2d 'c': its groups are 0/],
    ["half a group", withOperation(0, { groups: 1.5 }), /groups are 1.5/],
    [
      "groups not in the input",
      withOperation(0, { groups: 3 }),
      /3 groups.*2 channels in and 3 out/,
    ],
    [
      "groups not in the output",
      withOperation(0, { groups: 2 }),
      /2 groups.*2 channels in and 3 out/,
    ],
    [
      "a weight for other groups",
      grouped({ groups: 2, weight: [4, 2, 3, 3] }),
      /conv2d 'c': 'c.w' is made for 4 channels, its input has 2/,
    ],
    ["sum of two shapes", withOperation(3, { inputs: ["c", "image"] }), /adds shapes/],
    ["logits of a map", withOperation(5, { input: "s" }), /2 classes need \[2\]/],
    ["pool on a vector", withOperation(4, { input: "image", output: "q" }), /reads 'p'/],
    ["missing output", { ...sound, output: "x" }, /no operation gives the output 'x'/],
    ["class count", { ...sound, classes: 3 }, /3 classes/],
    ["one class", withClasses(1), /the model has 1 classes, one of 2 to 10000/],
    ["more classes than scores can count", withClasses(10_001), /the model has 10001 classes/],
    ["epsilon", withOperation(1, { epsilon: 0 }), /epsilon is 0/],
    ["momentum", withOperation(1, { momentum: 2 }), /momentum is 2/],
  ])("[G1] [G1.1] [G1.2] refuses a graph with a wrong part: %s", (_, graph, message) => {
    expect(problem("unsupported-model", () => inferShapes(graph))).toMatch(message);
  });

  it("[G1] refuses unused and doubly declared parameters", () => {
    const extra: Parameter = { name: "x", role: "linear-bias", shape: [2] };
    const unused = { ...sound, parameters: [...sound.parameters, extra] };
    expect(problem("unsupported-model", () => inferShapes(unused))).toMatch(/uses.*'x'/);
    const twice = { ...sound, parameters: [...sound.parameters, sound.parameters[0]!] };
    expect(problem("unsupported-model", () => inferShapes(twice))).toMatch(/'c.w'.*twice/);
  });

  it("[G1.3] takes a parameter that several operations use, but for running statistics", () => {
    const [convolution, norm] = sound.operations as [Operation, Operation];
    const again = { ...convolution, output: "d", stride: [1, 1] } as Operation;
    const tied = { ...sound, operations: [...sound.operations, again] };
    expect(inferShapes(tied).get("d")).toEqual([5, 7, 3]);
    expect(tiedParameters(tied)).toEqual(new Set(["c.w"]));
    expect(tiedParameters(sound).size).toBe(0);
    const { byParameter } = depthStages({ ...sound, operations: [again, ...sound.operations] });
    expect(["c.w", "n.w", "f.w"].map((name) => byParameter.get(name))).toEqual([1, 2, "head"]);

    const moved = { ...norm, input: "n", output: "again" } as Operation;
    const both = { ...sound, operations: [...sound.operations, moved] };
    expect(problem("unsupported-model", () => inferShapes(both))).toMatch(
      /batch-norm 'again': needs 'n.m', running statistics that are those of batch-norm 'n'/,
    );
  });
});
