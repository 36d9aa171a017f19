import type { SoftmaxOperation } from "../../../../protocol/model/operations/pointwise.ts";
import type { ValueWriter } from "../forward-writer.ts";
import { softmaxGradientKernels, softmaxKernels, type RowsOfValues } from "../loops/softmax.ts";
import type { ProgramWriter } from "../program-writer.ts";
import { NO_PIECES, type OperationDescription } from "./operation.ts";

/** y = eˣ/Σeˣ over the channels of every position. */
export const softmax: OperationDescription<SoftmaxOperation> = {
  storedInputs: () => [],
  forward: write,
  evaluation: { ...NO_PIECES, write },

  backward(pass, { input, output }, dy) {
    if (!pass.isWanted(input)) return;
    const { writer } = pass;
    const y = pass.forward.readings.get(output)!.values;
    const dx = writer.activation(input);
    for (const kernel of softmaxGradientKernels(writer, rowsOf(writer, input), { y, dy, dx })) {
      writer.emit("backward", kernel);
    }
    pass.pass(input, dx);
  },

  judged: ({ tf, value }, { input }) => tf.softmax(value(input)),
};

function write(pass: ValueWriter, { input, output }: SoftmaxOperation): void {
  const { writer } = pass;
  const { before, last } = softmaxKernels(writer, rowsOf(writer, input), pass.reading(input));
  for (const kernel of before) pass.emit(kernel);
  pass.give(output, last);
}

function rowsOf(writer: ProgramWriter, input: string): RowsOfValues {
  const [images, rows, values] = writer.positionExtents(input);
  return { images, rows, values, pitch: values };
}
