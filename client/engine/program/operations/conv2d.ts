import type { Conv2dOperation } from "../../../../protocol/model/graph.ts";
import type { Tensor1D, Tensor4D } from "./judged-values.ts";
import type { BackwardWriter, PartsOf } from "../backward-writer.ts";
import { toChannelsLast } from "../device-layout.ts";
import type { Operand } from "../operands.ts";
import { stored } from "../program-writer.ts";
import { convolutionKernels, type ConvolutionKernels } from "./convolution-kernels.ts";
import type { OperationDescription } from "./operation.ts";

/** y = x ∗ w. */
export const conv2d: OperationDescription<Conv2dOperation, "weight"> = {
  storedInputs: () => [],

  forward(pass, step) {
    const { writer } = pass;
    const kernel = convolutionKernels(writer, step).forward;
    writer.emit("forward", {
      ...kernel.is,
      x: pass.reading(step.input),
      weight: writer.parameter(step.weight),
      y: pass.store(step.output),
      bias: undefined,
      addend: undefined,
      activation: undefined,
      sums: pass.sumsOf(step.output, () => kernel.parts(writer.cleanImages)),
    });
  },

  evaluation: {
    pieces: (step, lengthOf) => ({ weight: lengthOf(step.weight) }),

    fold(step, model, { weight }) {
      weight.set(toChannelsLast(model.values(step.weight), model.shape(step.weight)));
    },

    write(pass, step, { weight }) {
      pass.writer.emit("teacher", {
        ...convolutionKernels(pass.writer, step).forward.is,
        x: stored(pass.value(step.input)),
        weight,
        y: pass.store(step.output),
        bias: undefined,
        addend: undefined,
        activation: undefined,
        sums: undefined,
      });
    },
  },

  backward(pass, step, dy) {
    const { writer } = pass;
    const { inputGradient, filterGradient } = convolutionKernels(writer, step);
    if (pass.wanted.parameters) writeFilterGradient(pass, step, filterGradient, dy);
    if (!pass.isWanted(step.input)) return;
    const dx = writer.activation(step.input);
    const parts: PartsOf = () => inputGradient.parts(writer.batch.groupSize);
    const epilogue = pass.contribute(step.input, dx, parts);
    const weight = writer.parameter(step.weight);
    writer.emit("backward", { ...inputGradient.is, dy, weight, dx, epilogue });
  },

  judged({ tf, value, parameter }, operation) {
    const { input, weight, bias, stride, padding, dilation, groups } = operation;
    // `[out, in/groups, kh, kw]` → `[kh, kw, in/groups, out]`
    const filter: Tensor4D = tf.transpose(parameter<Tensor4D>(weight), [2, 3, 1, 0]);
    const { top, bottom, left, right } = padding;
    const around: [number, number][] = [
      [0, 0],
      [top, bottom],
      [left, right],
      [0, 0],
    ];
    const x = tf.pad(value<Tensor4D>(input), around);
    const convolved = (run: Tensor4D, by: Tensor4D): Tensor4D =>
      tf.conv2d(run, by, [...stride], "valid", "NHWC", [...dilation]);
    const filters = tf.split<Tensor4D>(filter, groups, 3);
    const apart = tf.split<Tensor4D>(x, groups, 3);
    const runs = apart.map((run, group) => convolved(run, filters[group]!));
    const y = groups === 1 ? runs[0]! : tf.concat(runs, 3);
    return bias === undefined ? y : tf.add(y, parameter<Tensor1D>(bias));
  },
};

function writeFilterGradient(
  { writer, forward }: BackwardWriter,
  step: Conv2dOperation,
  kernel: ConvolutionKernels["filterGradient"],
  dy: Operand,
): void {
  const { groupSize, groups } = writer.batch;
  const parts = groups * kernel.parts(groupSize);
  const dw = writer.gradient(step.weight);
  writer.emit("backward", {
    ...kernel.is,
    x: forward.readings.get(step.input)!,
    dy,
    dw,
    workspace: parts > 1 ? writer.workspace(parts * dw.length) : undefined,
    parts,
  });
}
