import type { ScaleOperation } from "../../../../protocol/model/operations/pointwise.ts";
import type { ValueWriter } from "../forward-writer.ts";
import type { LoopsKernel } from "../kernels/loops.ts";
import { multiply } from "../loops/expression.ts";
import { LoopWriter } from "../loops/loop-writer.ts";
import { sumOverImages } from "../loops/sum-over-images.ts";
import type { Operand, Reading } from "../operands.ts";
import { stored, type ProgramWriter } from "../program-writer.ts";
import type { OperationDescription } from "./operation.ts";

/** y = x·factor, one a channel. */
export const scale: OperationDescription<ScaleOperation, "factor"> = {
  storedInputs: () => [],

  forward(pass, step) {
    write(pass, step, pass.writer.parameter(step.factor));
  },

  evaluation: {
    pieces: ({ factor }, lengthOf) => ({ factor: lengthOf(factor) }),

    fold(step, model, { factor }) {
      factor.set(model.values(step.factor));
    },

    write: (pass, step, { factor }) => write(pass, step, factor),
  },

  backward(pass, { input, factor }, dy) {
    const { writer } = pass;
    const [, positions, channels] = writer.positionExtents(input);
    if (pass.wanted.parameters) {
      const x = pass.forward.readings.get(input)!;
      sumOverImages(writer, writer.gradient(factor), {
        label: "scale gradient",
        positions,
        channels,
        term(loops, at) {
          const extents = writer.positionExtents(input);
          const value = loops.reading(x, extents, writer.batch.groupSize);
          return multiply(loops.tensor(dy, extents).at(...at), value.at(...at));
        },
      });
    }
    if (!pass.isWanted(input)) return;
    const dx = writer.activation(input);
    writer.emit("backward", scaled(writer, input, stored(dy), writer.parameter(factor), dx));
    pass.pass(input, dx);
  },

  judged: ({ tf, value, parameter }, { input, factor }) =>
    tf.mul(value(input), tf.reshape(parameter(factor), [-1])),
};

function write(pass: ValueWriter, { input, output }: ScaleOperation, factor: Operand): void {
  const x = pass.reading(input);
  pass.give(output, (y) => scaled(pass.writer, input, x, factor, y));
}

function scaled(
  writer: ProgramWriter,
  input: string,
  x: Reading,
  factor: Operand,
  y: Operand,
): LoopsKernel {
  const extents = writer.positionExtents(input);
  const loops = new LoopWriter(extents);
  const [image, position, channel] = loops.axes;
  const value = loops.reading(x, extents, writer.batch.groupSize).at(image, position, channel);
  const factors = loops.tensor(factor, [extents[2]]).at(channel);
  return loops.kernel("scale", y, undefined, multiply(value, factors));
}
