import { toChannelsLast } from "../device-layout.ts";
import type { FoldedConvStep } from "../plan.ts";
import { stored } from "../program-writer.ts";
import { affineOf } from "./batch-norm.ts";
import { convolutionKernels } from "./convolution-kernels.ts";
import type { EvaluationDescription } from "./operation.ts";

/** y = f(x ∗ (w·scale) + b·scale + shift + addend): a convolution and the batch norm of it that follows. */
export const foldedConvolution: EvaluationDescription<FoldedConvStep, "weight" | "bias"> = {
  pieces: ({ conv, norm }, lengthOf) => ({
    weight: lengthOf(conv.weight),
    bias: lengthOf(norm.runningMean),
  }),

  fold({ conv, norm }, model, { weight, bias }) {
    const { gains, shifts } = affineOf(norm, model);
    const unfolded = toChannelsLast(model.values(conv.weight), model.shape(conv.weight));
    const channels = gains.length;
    for (let i = 0; i < unfolded.length; i++) weight[i] = unfolded[i]! * gains[i % channels]!;
    const own = conv.bias === undefined ? undefined : model.values(conv.bias);
    bias.set(own ? shifts.map((shift, c) => shift + own[c]! * gains[c]!) : shifts);
  },

  write(pass, { conv, input, output, addend, activation }, { weight, bias }) {
    const x = stored(pass.value(input));
    pass.writer.emit("teacher", {
      ...convolutionKernels(pass.writer, { ...conv, output }, x).forward.is,
      x,
      weight,
      y: pass.store(output, conv.output),
      bias,
      addend: addend === undefined ? undefined : pass.value(addend),
      activation,
      sums: undefined,
    });
  },
};
