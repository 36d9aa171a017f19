import { describe, expect, it } from "vitest";
import { bytesInMemory } from "../../../../../protocol/formats/byte-source.ts";
import { openModel } from "../../../../../protocol/formats/import-model.ts";
import type { OpenModel } from "../../../../../protocol/formats/open-model.ts";
import type { NetworkSettings } from "../../../../../protocol/model/network-settings.ts";
import {
  between,
  CONV,
  FLAT,
  floats,
  HEAD,
  model,
  node,
  numbers,
  POOL,
  WEIGHTS,
  type WrittenModel,
} from "../../../../fixtures/onnx/write-onnx.ts";
import { refusal } from "../../problem.ts";

const opened = (written: WrittenModel, network: NetworkSettings = {}): Promise<OpenModel> =>
  openModel(bytesInMemory(model(written)), network);

const refused = (written: WrittenModel): Promise<string> =>
  refusal("unsupported-model", opened(written));

/** Operations of a network, in order. */
async function kinds(written: WrittenModel): Promise<string[]> {
  const { graph } = await opened(written);
  return graph.operations.map((operation) => {
    if (operation.kind !== "activation") return operation.kind;
    const { activation } = operation;
    return typeof activation === "string"
      ? activation
      : `${activation.kind} ${Object.values(activation)[1]}`;
  });
}

it("[G5] is one network, whatever its tensors are called", async () => {
  const told = await refusal(
    "malformed-request",
    opened(between(node("Relu", ["c"], "r")), { prefix: "stem" }),
  );
  expect(told).toMatch(/'stem'.*leave it out/);
});

const ENDS = ["global-average-pool", "linear"];

describe("a network in an ONNX file", () => {
  it("[W8.1] has the file's names, in the file's order", async () => {
    const { form, graph, layout } = await opened(between(node("Relu", ["c"], "r")));
    expect(form).toBe("the file's own graph");
    expect(layout.entries.map(({ name, role, shape }) => ({ name, role, shape }))).toEqual([
      { name: "w", role: "conv-weight", shape: [4, 3, 3, 3] },
      { name: "h", role: "linear-weight", shape: [4, 4] },
      { name: "b", role: "linear-bias", shape: [4] },
    ]);
    expect(graph.operations[0]).toMatchObject({
      padding: { top: 1, bottom: 1, left: 1, right: 1 },
      groups: 1,
    });
  });

  it("[W8.1] has a row for its one image where the axis of images is squeezed away", async () => {
    const nodes = [
      CONV,
      node("Relu", ["c"], "r"),
      POOL,
      node("Squeeze", ["p"], "f"),
      node("MatMul", ["f", "h"], "m"),
      node("Add", ["m", "b"], "y"),
    ];
    const one = { nodes, tensors: WEIGHTS, input: [1, 3, 16, 16] };
    expect(await kinds(one)).toEqual(["conv2d", "relu", ...ENDS]);
  });

  it.each(["Softmax", "LogSoftmax", "Sigmoid", "ArgMax"])(
    "[W8] is without %s behind the logits",
    async (op) => {
      const nodes = [CONV, node("Relu", ["c"], "r"), POOL, FLAT, HEAD, node(op, ["y"], "z")];
      const { file, graph } = await opened({ nodes, tensors: WEIGHTS, outputs: ["z"] });
      expect(graph.operations.at(-1)).toMatchObject({ kind: "linear", weight: "h" });
      expect(file.findings.map(({ rule }) => rule)).toContain("onnx-behind-logits");
    },
  );

  it.each([
    ["relu6", [node("Clip", ["c", "lo", "hi"], "r")], 13],
    ["relu6", [node("Clip", ["c"], "r", { min: 0, max: 6 })], 9],
    ["relu", [node("Clip", ["c", "lo"], "r")], 13],
    ["leaky-relu 0.1", [node("LeakyRelu", ["c"], "r", { alpha: 0.1 })], 13],
    ["silu", [node("Sigmoid", ["c"], "s"), node("Mul", ["s", "c"], "r")], 13],
    ["hard-swish", [node("HardSwish", ["c"], "r")], 14],
    [
      "hard-swish",
      [
        node("Add", ["c", "three"], "s"),
        node("Clip", ["s", "lo", "hi"], "t"),
        node("Mul", ["c", "t"], "u"),
        node("Div", ["u", "hi"], "r"),
      ],
      11,
    ],
    ["gelu", [node("Gelu", ["c"], "r")], 20],
    ["gelu-tanh", [node("Gelu", ["c"], "r", { approximate: "tanh" })], 20],
  ] as const)("[W8.2] %s is told by what its operations give", async (activation, nodes, opset) => {
    const tensors = [
      ...WEIGHTS,
      ...Object.entries({ lo: 0, hi: 6, three: 3 }).map(([name, value]) =>
        numbers(name, [value], "float"),
      ),
    ];
    expect(await kinds({ ...between(...nodes), tensors, opset })).toEqual([
      "conv2d",
      activation,
      ...ENDS,
    ]);
  });

  it("[W8.2] a function that Scour has not is refused by name", async () => {
    expect(await refused(between(node("Exp", ["c"], "r")))).toMatch(
      /node 'GlobalAveragePool of p' \(GlobalAveragePool, opset 13\): 'r' is a function of each value that Scour has not/,
    );
  });

  it.each([
    [
      between(node("Hardmax", ["c"], "r")),
      /node 'Hardmax of r' \(Hardmax, opset 13\): Scour has no such operation.*MODELS\.md/,
    ],
    [
      between(node("FusedConv", ["c"], "r", {}, "com.example")),
      /is of the domain 'com\.example'.*without extensions/,
    ],
    [between(node("DequantizeLinear", ["c"], "r")), /quantised.*the float model/],
    [between(node("Reshape", ["c", "shape"], "r")), /reads 'shape', which nothing before it gives/],
    [
      { ...between(node("Relu", ["c"], "r")), opset: 8 },
      /of opset 8, and Scour reads 9 to 21.*opset_version/,
    ],
    [{ ...between(node("Relu", ["c"], "r")), opset: 22 }, /of opset 22/],
    [{ ...between(node("Relu", ["c"], "r")), outputs: ["y", "f"] }, /has the outputs 'y', 'f'/],
    [{ ...between(node("Relu", ["c"], "r")), input: ["n", 12] }, /input 'x' is \[\?, 12\]/],
    [{ ...between(node("Relu", ["c"], "r")), input: ["n", 3, 16, 32] }, /16×32 pixels.*square/],
    [{ ...between(node("Relu", ["c"], "r")), input: [1, 3, 640, 640] }, /640×640 pixels/],
    [{ ...between(node("Relu", ["c"], "r")), inputType: 2 }, /no float/],
    [between(node("MaxPool", ["c"], "r", { kernel_shape: [2, 2], dilations: [2, 2] })), /dilated/],
    [between(node("Pad", ["c"], "r", { mode: "reflect", pads: [0, 0, 1, 1, 0, 0, 1, 1] })), /pads/],
  ] as const)("[W8.3] what cannot be drawn is named %#", async (written, reason) => {
    const opset = "opset" in written ? written.opset : undefined;
    expect(
      await refused({ ...written, opset: reason.source.includes("pads") ? 9 : (opset ?? 13) }),
    ).toMatch(reason);
  });

  it("[W8.3] weights of integers, in other files, or as they come are named", async () => {
    const relu = between(node("Relu", ["c"], "r"));
    const [w, h, b] = WEIGHTS;
    const integers = { ...h, type: "uint8", raw: new Uint8Array(16) } as const;
    expect(await refused({ ...relu, tensors: [w, integers, b] })).toMatch(/'h' is uint8/);
    expect(
      await refused({ ...relu, tensors: [{ ...w, external: { location: "w.bin" } }, h, b] }),
    ).toMatch(/'w' lies in another file \('w\.bin'\).*name the folder/);
    expect(
      await refused({ ...relu, nodes: [node("Conv", ["x", "x"], "c"), ...relu.nodes.slice(1)] }),
    ).toMatch(/takes the value 'x' as a parameter, which must be an initializer/);
  });

  it("[W8.1] a padding before a convolution is the convolution's, and TensorFlow's is told", async () => {
    const pads = numbers("pads", [0, 0, 0, 1, 0, 0, 2, 3]);
    const padded = {
      nodes: [
        node("Pad", ["x", "pads"], "q"),
        node("Conv", ["q", "w"], "c"),
        node("Relu", ["c"], "r"),
        POOL,
        FLAT,
        HEAD,
      ],
      tensors: [...WEIGHTS, pads],
    };
    const [conv] = (await opened(padded)).graph.operations;
    expect(conv).toMatchObject({ padding: { top: 0, left: 1, bottom: 2, right: 3 } });
    const same = node("Conv", ["x", "w"], "c", { strides: [2, 2], auto_pad: "SAME_UPPER" });
    const [other] = (
      await opened({ nodes: [same, node("Relu", ["c"], "r"), POOL, FLAT, HEAD], tensors: WEIGHTS })
    ).graph.operations;
    expect(other).toMatchObject({ padding: { top: 0, left: 0, bottom: 1, right: 1 } });
  });

  it("[W8.5] images that the file normalises itself are normalised before it, once", async () => {
    const tensors = [
      ...WEIGHTS,
      { ...numbers("mean", [0.5, 0.25, 0.125], "float"), dims: [1, 3, 1, 1] },
      { ...numbers("std", [0.5, 0.25, 0.5], "float"), dims: [1, 3, 1, 1] },
      numbers("bytes", [255], "float"),
    ];
    const normalising = (...nodes: readonly Uint8Array[]): WrittenModel => ({
      nodes: [
        ...nodes,
        node("Conv", ["v", "w"], "c", { pads: [1, 1, 1, 1] }),
        node("Relu", ["c"], "r"),
        POOL,
        FLAT,
        HEAD,
      ],
      tensors,
    });
    const unit = await opened(
      normalising(node("Sub", ["x", "mean"], "u"), node("Div", ["u", "std"], "v")),
    );
    expect(unit.preprocessing).toMatchObject({
      range: "unit",
      mean: [0.5, 0.25, 0.125],
      std: [0.5, 0.25, 0.5],
    });
    expect(unit.graph.operations[0]).toMatchObject({ kind: "conv2d", input: "x" });
    expect(unit.file.findings.map(({ rule }) => rule)).toEqual([
      "normalisation-in-file",
      "onnx-without-norms",
    ]);
    const bytes = await opened(
      normalising(
        node("Div", ["x", "bytes"], "t"),
        node("Sub", ["t", "mean"], "u"),
        node("Div", ["u", "std"], "v"),
      ),
    );
    expect(bytes.preprocessing).toMatchObject({
      range: "bytes",
      mean: [127.5, 63.75, 31.875],
      std: [127.5, 63.75, 127.5],
    });
  });

  it("[W8.6] a size that the file leaves open is asked for, and only then", async () => {
    const relu = between(node("Relu", ["c"], "r"));
    const open = { ...relu, input: ["n", 3, "h", "w"] };
    await expect(opened(open)).rejects.toThrow(/images of any size.*network\.size/);
    const { graph, network } = await opened(open, { size: 48 });
    expect([graph.inputShape.height, network]).toEqual([48, { size: 48 }]);
    await expect(opened(relu, { size: 32 })).rejects.toThrow(
      /takes images of 16 pixels: leave it out/,
    );
  });

  it("[W8.1] rows that the file has as columns are the parameter's rows", async () => {
    const matMul = node("MatMul", ["f", "h"], "m");
    const written = {
      nodes: [CONV, node("Relu", ["c"], "r"), POOL, FLAT, matMul, node("Add", ["m", "b"], "y")],
      tensors: [WEIGHTS[0], floats("h", [4, 6]), floats("b", [6])],
    };
    const { file, graph } = await opened(written);
    expect(graph.operations.at(-1)).toMatchObject({ kind: "linear", weight: "h", bias: "b" });
    const stored = new Float32Array(written.tensors[1]!.raw.buffer);
    const turned = Array.from({ length: 24 }, (_, i) => stored[(i % 4) * 6 + Math.floor(i / 4)]!);
    for await (const { values } of file.read([{ name: "h", first: 5, length: 9 }])) {
      expect([...values]).toEqual(turned.slice(5, 14));
    }
  });
});
