import * as tf from "@tensorflow/tfjs";
import { describe, expect, it } from "vitest";
import { importModel } from "../../../../../protocol/formats/import-model.ts";
import { standInNorms } from "../../../../../protocol/model/stand-in-norms.ts";
import { refusal } from "../../problem.ts";
import { bundleOf, modelOf, restoredWith } from "../../../../fixtures/folder-in-memory.ts";
import { distance, logitsOf, softmax } from "./answers.ts";
import { asRead, modelFiles, pixels } from "./tfjs-models.ts";

const SIDE = 18;

interface Node {
  readonly name: string;
  readonly op: string;
  readonly input?: readonly string[];
  readonly attr?: object;
}

const s = (text: string) => ({ s: Buffer.from(text).toString("base64") });
const list = (...values: number[]) => ({ list: { i: values.map(String) } });
const FLOAT = { type: "DT_FLOAT" };
const window = (stride: number, padding: string) => ({
  T: FLOAT,
  strides: list(1, stride, stride, 1),
  padding: s(padding),
  data_format: s("NHWC"),
  dilations: list(1, 1, 1, 1),
});

/** A graph as converters write it, piece by piece: nodes, and the constants that are its weights. */
class GraphJson {
  readonly nodes: Node[] = [];
  readonly #weights: tf.io.WeightsManifestEntry[] = [];
  readonly #data: Uint8Array[] = [];

  constant(
    name: string,
    shape: readonly number[],
    values?: readonly number[],
    dtype: "float32" | "int32" = "float32",
  ) {
    const size = shape.reduce((product, extent) => product * extent, 1);
    const numbers =
      values ?? Array.from({ length: size }, (_, i) => Math.sin(i * 1.7 + name.length) / 2);
    const typed = dtype === "int32" ? Int32Array.from(numbers) : Float32Array.from(numbers);
    this.#weights.push({ name, shape: [...shape], dtype });
    this.#data.push(new Uint8Array(typed.buffer));
    const type = { type: dtype === "int32" ? "DT_INT32" : "DT_FLOAT" };
    this.nodes.push({ name, op: "Const", attr: { dtype: type, value: { tensor: {} } } });
    return name;
  }

  node(name: string, op: string, input: readonly string[], attr: object = {}) {
    this.nodes.push({ name, op, input, attr: { T: FLOAT, ...attr } });
    return name;
  }

  image(shape: readonly number[] = [-1, SIDE, SIDE, 3]) {
    const dim = shape.map((size) => ({ size: String(size) }));
    this.nodes.push({
      name: "image",
      op: "Placeholder",
      attr: { dtype: FLOAT, shape: { shape: { dim } } },
    });
    return "image";
  }

  get topology() {
    return { node: this.nodes.map((node) => ({ input: [], ...node })), versions: {}, library: {} };
  }

  get files() {
    const data = new Uint8Array(Buffer.concat(this.#data));
    return modelFiles(this.topology, this.#weights, data, [5], { format: "graph-model" });
  }

  async answers(images: tf.Tensor4D): Promise<Float32Array> {
    const weightData = new Uint8Array(Buffer.concat(this.#data)).buffer;
    const model = await tf.loadGraphModel(
      tf.io.fromMemory({ modelTopology: this.topology, weightSpecs: this.#weights, weightData }),
    );
    return (model.predict(images) as tf.Tensor).dataSync<"float32">();
  }
}

/** What MobileNets of TensorFlow Hub and Keras become, in small: fused and plain, SAME and padded by hand. */
function network(): GraphJson {
  const g = new GraphJson();
  const image = g.node("scaled", "Mul", [g.image(), g.constant("factor", [], [1 / 255])]);
  const centred = g.node("centred", "Sub", [image, g.constant("centre", [3], [0.5, 0.4, 0.3])]);
  const sides = g.constant("sides", [4, 2], [0, 0, 0, 1, 1, 2, 0, 0], "int32");
  const padded = g.node("padded", "Pad", [centred, sides]);
  const stem = g.node(
    "stem",
    "Conv2D",
    [padded, g.constant("stem/kernel", [3, 3, 3, 4])],
    window(2, "VALID"),
  );
  const normed = g.node(
    "normed",
    "FusedBatchNormV3",
    [
      stem,
      ...["scale", "shift", "mean"].map((name) => g.constant(`stem/${name}`, [4])),
      g.constant("stem/variance", [4], [0.5, 1, 2, 0.25]),
    ],
    { epsilon: { f: 0.002 }, is_training: { b: false } },
  );
  const clipped = g.node("clipped", "Relu6", [normed]);
  const depthwise = g.node(
    "depthwise",
    "FusedDepthwiseConv2dNative",
    [clipped, g.constant("depthwise/kernel", [3, 3, 4, 1]), g.constant("depthwise/bias", [4])],
    {
      ...window(2, "SAME"),
      fused_ops: { list: { s: ["BiasAdd", "Relu"].map((op) => s(op).s) } },
      num_args: { i: "1" },
    },
  );
  const plain = g.node(
    "plain",
    "Conv2D",
    [depthwise, g.constant("plain/kernel", [1, 1, 4, 4])],
    window(1, "SAME"),
  );
  const biased = g.node("biased", "BiasAdd", [plain, g.constant("plain/bias", [4])]);
  const three = g.node("three", "AddV2", [biased, g.constant("3", [], [3])]);
  const six = g.node("six", "Relu6", [three]);
  const gate = g.node("gate", "Mul", [six, g.constant("sixth", [], [1 / 6])]);
  const swish = g.node("swish", "Mul", [biased, gate]);
  const sum = g.node("sum", "AddV2", [swish, depthwise]);
  const pooled = g.node("pooled", "MaxPool", [sum], {
    ...window(2, "SAME"),
    ksize: list(1, 3, 3, 1),
  });
  const axes = g.constant("axes", [2], [1, 2], "int32");
  const mean = g.node("mean", "Mean", [pooled, axes], {
    keep_dims: { b: true },
    Tidx: { type: "DT_INT32" },
  });
  const shape = g.constant("shape", [2], [-1, 4], "int32");
  const flat = g.node("flat", "Reshape", [mean, shape], { Tshape: { type: "DT_INT32" } });
  const dense = g.node("dense", "MatMul", [flat, g.constant("dense/kernel", [4, 3])], {
    transpose_a: { b: false },
    transpose_b: { b: false },
  });
  const logits = g.node("logits", "AddV2", [dense, g.constant("dense/bias", [3])]);
  g.node("end", "Identity", [g.node("probabilities", "Softmax", [logits])]);
  return g;
}

describe("a graph model of TensorFlow.js", () => {
  it("[W7] gives TensorFlow.js' own probabilities", async () => {
    const graph = network();
    const model = await modelOf(graph.files);
    expect(model.file.kind).toBe("TensorFlow.js graph model");
    expect(model.preprocessing.range).toBe("bytes");
    const pictures = pixels(3, SIDE);
    const expected = await graph.answers(asRead(pictures, SIDE, (pixel) => pixel));
    const logits = await logitsOf(model, pictures);
    expect(distance(softmax(logits, 3), expected)).toBeLessThan(1e-5);
  });

  it("[W7] comes back byte for byte, its small constants left alone", async () => {
    const { files } = network();
    const model = await modelOf(files);
    expect(model.file.tensors.map(({ name }) => name)).not.toContain("factor");
    expect(await restoredWith(model, model.state)).toEqual(await bundleOf(files));
  });

  it("[L1] [L6] [W7] has norms stand in behind convolutions with a bias, and comes back byte for byte", async () => {
    const { files } = network();
    const bundle = await bundleOf(files);
    const model = await importModel(new Uint8Array(bundle), { standInNorms: true });
    expect(standInNorms(model.graph)).toHaveLength(2);
    expect(model.file.findings.at(-1)).toMatchObject({
      rule: "tfjs-without-norms",
      where: "depthwise/kernel, plain/kernel",
    });
    const pictures = pixels(3, SIDE);
    const expected = await logitsOf(await modelOf(files), pictures);
    expect(distance(await logitsOf(model, pictures), expected)).toBeLessThan(1e-5);
    expect(await restoredWith(model, model.state)).toEqual(bundle);
  });

  it("[W7] is refused where its manifest takes the model.json for weights", async () => {
    const files = network().files as Record<string, { weightsManifest?: { paths: string[] }[] }>;
    files["model.json"]!.weightsManifest![0]!.paths.push("model.json");
    expect(await refusal("malformed-model", modelOf(files))).toMatch(
      /'model.json', in which it stands/,
    );
  });

  it.each([
    [
      "an operation that is not read",
      (g: GraphJson) => g.node("x", "Einsum", [g.image()]),
      /'x' is a Einsum/,
    ],
    [
      "a circle",
      (g: GraphJson) => {
        g.node("x", "Relu", ["y"]);
        g.node("y", "Relu", ["x"]);
        g.node("z", "Relu", ["x"]);
      },
      /circle at 'x'/,
    ],
    [
      "an input of open height",
      (g: GraphJson) => g.node("x", "Relu", [g.image([-1, -1, 20, 3])]),
      /pictures are \[-1, height/,
    ],
    [
      "two outputs",
      (g: GraphJson) => [g.node("x", "Relu", [g.image()]), g.node("y", "Relu", ["image"])],
      /2 outputs/,
    ],
    [
      "a text of as many bytes as no call takes",
      (g: GraphJson) =>
        g.node("x", "Conv2D", [g.image(), g.constant("k", [1, 1, 3, 3])], {
          ...window(1, "SAME"),
          padding: { s: Array.from({ length: 200_000 }, () => 65) },
        }),
      /the padding A{40}…/,
    ],
    ["a name of two lines", (g: GraphJson) => g.node("x", "Relu", ["no\nwhere"]), /'no\nwhere'/],
    ["what is not there", (g: GraphJson) => g.node("x", "Relu", ["nowhere"]), /'nowhere'/],
  ] as const)("is refused by name with %s", async (_what, build, says) => {
    const graph = new GraphJson();
    build(graph);
    expect(await refusal("unsupported-model", modelOf(graph.files))).toMatch(says);
  });
});
