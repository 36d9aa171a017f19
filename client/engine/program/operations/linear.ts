import type { LinearOperation } from "../../../../protocol/model/graph.ts";
import type { Tensor2D } from "./judged-values.ts";
import type { BackwardWriter } from "../backward-writer.ts";
import type { ConvGeometry } from "../kernels/convolution.ts";
import type { Operand } from "../operands.ts";
import { stored, type ProgramWriter } from "../program-writer.ts";
import { writeBiasGradient, writeFilterGradient, writeInputGradient } from "./product-gradients.ts";
import { productKernels } from "./convolution-kernels.ts";
import type { OperationDescription } from "./operation.ts";

/**
 * y = x·Wᵀ + b of every position: a convolution 1×1 whose weight lies `[out, in]`. A layer that gives
 * the logits of pooled features has a kernel of its own, which may become part of the head's.
 */
export const linear: OperationDescription<LinearOperation, "weight", "bias"> = {
  storedInputs: ({ input }) => [input],

  forward(pass, step) {
    const { writer } = pass;
    const x = pass.stored(step.input);
    const weight = writer.parameter(step.weight);
    if (givesLogits(writer, step)) {
      const bias = writer.parameter(step.bias);
      const y = pass.store(step.output);
      writer.emit("forward", { kind: "linear", ...layerOf(writer, step), x, weight, bias, y });
      return;
    }
    const { forward } = kernelsOf(writer, step, x);
    writer.emit("forward", {
      ...forward.is,
      x: stored(x),
      weight,
      y: pass.store(step.output),
      bias: step.bias === undefined ? undefined : writer.parameter(step.bias),
      addend: undefined,
      activation: undefined,
      sums: pass.sumsOf(step.output, () => forward.parts(writer.cleanImages)),
    });
  },

  evaluation: {
    pieces: ({ weight, bias }, lengthOf) => ({
      weight: lengthOf(weight),
      ...(bias !== undefined && { bias: lengthOf(bias) }),
    }),

    fold(step, model, { weight, bias }) {
      weight.set(model.values(step.weight));
      bias?.set(model.values(step.bias!));
    },

    write(pass, step, { weight, bias }) {
      const { writer } = pass;
      const x = pass.value(step.input);
      const y = pass.store(step.output);
      if (bias && givesLogits(writer, step)) {
        writer.emit("teacher", { kind: "linear", ...layerOf(writer, step), x, weight, bias, y });
        return;
      }
      writer.emit("teacher", {
        ...kernelsOf(writer, step, x).forward.is,
        x: stored(x),
        weight,
        y,
        bias,
        addend: undefined,
        activation: undefined,
        sums: undefined,
      });
    },
  },

  backward(pass, step, dy) {
    if (givesLogits(pass.writer, step)) writeLogitsGradient(pass, step, dy);
    else writeProductGradients(pass, step, dy);
  },

  judged({ tf, value, parameter }, { input, weight, bias }) {
    const x = value(input);
    const w = parameter<Tensor2D>(weight);
    const [out, channels] = w.shape;
    const rows = tf.matMul(tf.reshape(x, [-1, channels]) as Tensor2D, w, false, true);
    const product = tf.reshape(rows, [...x.shape.slice(0, -1), out]);
    return bias === undefined ? product : tf.add(product, parameter(bias));
  },
};

/** Most weights of a layer that gives logits: ResNet-18's, with as many classes as its head takes as one. */
const MOST_LOGITS_WEIGHTS = 2 ** 20;

type LogitsLayer = LinearOperation & { readonly bias: string };

/** Whether a layer gives the logits, of one row of features an image, and is small. */
function givesLogits(writer: ProgramWriter, step: LinearOperation): step is LogitsLayer {
  const { inputs, outputs } = layerOf(writer, step);
  const { height, width } = writer.extent(step.input);
  const isSmall = height * width === 1 && inputs * outputs <= MOST_LOGITS_WEIGHTS;
  return isSmall && step.bias !== undefined && step.output === writer.graph.output;
}

function layerOf(writer: ProgramWriter, { input, output }: LinearOperation) {
  return {
    images: writer.imageCount,
    inputs: writer.extent(input).channels,
    outputs: writer.extent(output).channels,
  };
}

function kernelsOf(writer: ProgramWriter, step: LinearOperation, x: Operand) {
  return productKernels(writer, geometryOf(writer, step), stored(x));
}

/** All positions in a row. */
function geometryOf(writer: ProgramWriter, step: LinearOperation): ConvGeometry {
  const { images, inputs, outputs } = layerOf(writer, step);
  const { height, width } = writer.extent(step.input);
  return {
    images,
    inputHeight: 1,
    inputWidth: height * width,
    channelsIn: inputs,
    outputHeight: 1,
    outputWidth: height * width,
    channelsOut: outputs,
    kernelHeight: 1,
    kernelWidth: 1,
    stride: [1, 1],
    padding: [0, 0],
    dilation: [1, 1],
    groups: 1,
    weightOrder: "out-in",
  };
}

function writeLogitsGradient(pass: BackwardWriter, step: LogitsLayer, dy: Operand): void {
  const { writer } = pass;
  const { input, weight, bias } = step;
  const dx = pass.isWanted(input) ? writer.activation(input) : undefined;
  writer.emit("backward", {
    kind: "linear-gradient",
    ...layerOf(writer, step),
    x: pass.forward.readings.get(input)!.values,
    weight: writer.parameter(weight),
    dy,
    dx,
    parameters: pass.wanted.parameters
      ? { dWeight: writer.gradient(weight), dBias: writer.gradient(bias) }
      : undefined,
  });
  if (dx) pass.pass(input, dx);
}

function writeProductGradients(pass: BackwardWriter, step: LinearOperation, dy: Operand): void {
  const { writer } = pass;
  const { input, output, weight, bias } = step;
  const x = pass.forward.readings.get(input)!.values;
  if (pass.wanted.parameters) {
    // dyᵀ·x is the filter gradient of a convolution from y to x, `[out, in]` as the weight lies.
    const geometry = geometryOf(writer, step);
    const { channelsIn: channelsOut, channelsOut: channelsIn } = geometry;
    const turned = { ...geometry, channelsIn, channelsOut, weightOrder: "in-out" } as const;
    const { filterGradient } = productKernels(writer, turned, stored(dy));
    writeFilterGradient(pass, filterGradient, { x: stored(dy), dy: x, weight });
    if (bias !== undefined) writeBiasGradient(pass, output, bias, dy);
  }
  if (!pass.isWanted(input)) return;
  writeInputGradient(pass, kernelsOf(writer, step, x).inputGradient, { input, weight, dy });
}
