import type { Conv2dOperation } from "../../../../protocol/model/graph.ts";
import { paddedBy, type Tensor1D, type Tensor4D } from "./judged-values.ts";
import { toChannelsLast } from "../device-layout.ts";
import { stored } from "../program-writer.ts";
import { convolutionKernels } from "./convolution-kernels.ts";
import type { OperationDescription } from "./operation.ts";
import { writeBiasGradient, writeFilterGradient, writeInputGradient } from "./product-gradients.ts";

/** y = x ∗ w + b. */
export const conv2d: OperationDescription<Conv2dOperation, "weight", "bias"> = {
  storedInputs: () => [],

  forward(pass, step) {
    const { writer } = pass;
    const x = pass.reading(step.input);
    const kernel = convolutionKernels(writer, step, x).forward;
    writer.emit("forward", {
      ...kernel.is,
      x,
      weight: writer.parameter(step.weight),
      y: pass.store(step.output),
      bias: step.bias === undefined ? undefined : writer.parameter(step.bias),
      addend: undefined,
      activation: undefined,
      sums: pass.sumsOf(step.output, () => kernel.parts(writer.cleanImages)),
    });
  },

  evaluation: {
    pieces: ({ weight, bias }, lengthOf) => ({
      weight: lengthOf(weight),
      ...(bias !== undefined && { bias: lengthOf(bias) }),
    }),

    fold(step, model, { weight, bias }) {
      weight.set(toChannelsLast(model.values(step.weight), model.shape(step.weight)));
      bias?.set(model.values(step.bias!));
    },

    write(pass, step, { weight, bias }) {
      const x = stored(pass.value(step.input));
      pass.writer.emit("teacher", {
        ...convolutionKernels(pass.writer, step, x).forward.is,
        x,
        weight,
        y: pass.store(step.output),
        bias,
        addend: undefined,
        activation: undefined,
        sums: undefined,
      });
    },
  },

  backward(pass, step, dy) {
    const { input, output, weight, bias } = step;
    const x = pass.forward.readings.get(input)!;
    const { inputGradient, filterGradient } = convolutionKernels(pass.writer, step, x);
    if (pass.wanted.parameters) {
      writeFilterGradient(pass, filterGradient, { x, dy, weight });
      if (bias !== undefined) writeBiasGradient(pass, output, bias, dy);
    }
    if (pass.isWanted(input)) writeInputGradient(pass, inputGradient, { input, weight, dy });
  },

  judged({ tf, value, parameter }, operation) {
    const { input, weight, bias, stride, padding, dilation, groups } = operation;
    // `[out, in/groups, kh, kw]` → `[kh, kw, in/groups, out]`
    const filter: Tensor4D = tf.transpose(parameter<Tensor4D>(weight), [2, 3, 1, 0]);
    const x = paddedBy(tf, value<Tensor4D>(input), padding, 0);
    // It does not stride and dilate at once: what a stride leaves out is left out behind it.
    const isDilated = dilation.some((step) => step > 1);
    const convolved = (run: Tensor4D, by: Tensor4D): Tensor4D => {
      const steps: [number, number] = isDilated ? [1, 1] : [...stride];
      const y = tf.conv2d(run, by, steps, "valid", "NHWC", [...dilation]);
      return isDilated ? tf.maxPool(y, 1, [...stride], "valid") : y;
    };
    const filters = tf.split<Tensor4D>(filter, groups, 3);
    const apart = tf.split<Tensor4D>(x, groups, 3);
    const runs = apart.map((run, group) => convolved(run, filters[group]!));
    const y = groups === 1 ? runs[0]! : tf.concat(runs, 3);
    return bias === undefined ? y : tf.add(y, parameter<Tensor1D>(bias));
  },
};
