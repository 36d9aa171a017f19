import type { LinearOperation } from "../../../../protocol/model/graph.ts";
import type { Tensor1D, Tensor2D } from "./judged-values.ts";
import type { ProgramWriter } from "../program-writer.ts";
import { notExecuted } from "./not-executed.ts";
import type { OperationDescription } from "./operation.ts";

/** y = x·Wᵀ + b. */
export const linear: OperationDescription<LinearOperation, "weight" | "bias"> = {
  storedInputs: ({ input }) => [input],

  forward(pass, step) {
    const { writer } = pass;
    writer.emit("forward", {
      kind: "linear",
      ...shapeOf(writer, step),
      x: pass.stored(step.input),
      weight: writer.parameter(step.weight),
      bias: writer.parameter(biasOf(step)),
      y: pass.store(step.output),
    });
  },

  evaluation: {
    pieces: (step, lengthOf) => ({ weight: lengthOf(step.weight), bias: lengthOf(biasOf(step)) }),

    fold(step, model, { weight, bias }) {
      weight.set(model.values(step.weight));
      bias.set(model.values(biasOf(step)));
    },

    write(pass, step, { weight, bias }) {
      pass.writer.emit("teacher", {
        kind: "linear",
        ...shapeOf(pass.writer, step),
        x: pass.value(step.input),
        weight,
        bias,
        y: pass.store(step.output),
      });
    },
  },

  backward(pass, step, dy) {
    const { writer } = pass;
    const { input, weight } = step;
    const dx = pass.isWanted(input) ? writer.activation(input) : undefined;
    writer.emit("backward", {
      kind: "linear-gradient",
      ...shapeOf(writer, step),
      x: pass.forward.readings.get(input)!.values,
      weight: writer.parameter(weight),
      dy,
      dx,
      parameters: pass.wanted.parameters
        ? { dWeight: writer.gradient(weight), dBias: writer.gradient(biasOf(step)) }
        : undefined,
    });
    if (dx) pass.pass(input, dx);
  },

  judged({ tf, value, parameter }, { input, weight, bias }) {
    const product = tf.matMul(value<Tensor2D>(input), parameter<Tensor2D>(weight), false, true);
    return bias === undefined ? product : tf.add(product, parameter<Tensor1D>(bias));
  },
};

function shapeOf(writer: ProgramWriter, { input, output }: LinearOperation) {
  return {
    images: writer.imageCount,
    inputs: writer.extent(input).channels,
    outputs: writer.extent(output).channels,
  };
}

function biasOf({ bias, output }: LinearOperation): string {
  if (bias === undefined) throw notExecuted(`the linear layer '${output}' has no bias`);
  return bias;
}
