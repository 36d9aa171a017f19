import type { ConcatOperation } from "../../../../protocol/model/operations/channels.ts";
import type { ValueWriter } from "../forward-writer.ts";
import { firstOf } from "../loops/expression.ts";
import { sumOf } from "../loops/index-form.ts";
import { LoopWriter } from "../loops/loop-writer.ts";
import { NO_PIECES, type OperationDescription } from "./operation.ts";
import type { ProgramWriter } from "../program-writer.ts";

/** y = values behind each other. */
export const concat: OperationDescription<ConcatOperation> = {
  storedInputs: () => [],
  forward: write,
  evaluation: { ...NO_PIECES, write },

  backward(pass, step, dy) {
    const { writer } = pass;
    step.inputs.forEach((input, i) => {
      if (!pass.isWanted(input)) return;
      const loops = new LoopWriter(writer.positionExtents(input));
      const [image, position, channel] = loops.axes;
      const start = startOf(writer, step, i);
      const gradient = loops.tensor(dy, writer.positionExtents(step.output));
      const part =
        step.axis === "channels"
          ? gradient.at(image, position, sumOf(channel, start))
          : gradient.at(image, sumOf(position, start), channel);
      const dx = writer.activation(input);
      writer.emit("backward", loops.kernel("concat gradient", dx, undefined, part));
      pass.pass(input, dx);
    });
  },

  judged: ({ tf, value }, { axis, inputs }) =>
    tf.concat(
      inputs.map((input) => value(input)),
      axis === "channels" ? -1 : 1,
    ),
};

function write(pass: ValueWriter, step: ConcatOperation): void {
  const { writer } = pass;
  const loops = new LoopWriter(writer.positionExtents(step.output));
  const [image, position, channel] = loops.axes;
  const cases = step.inputs.map((input, i) => {
    const start = startOf(writer, step, i);
    const x = loops.reading(
      pass.reading(input),
      writer.positionExtents(input),
      writer.batch.groupSize,
    );
    const place =
      step.axis === "channels"
        ? ([image, position, sumOf(channel, -start)] as const)
        : ([image, sumOf(position, -start), channel] as const);
    return { conditions: x.within(...place), gives: x.at(...place) };
  });
  pass.give(step.output, (y) => loops.kernel("concat", y, undefined, firstOf(...cases)));
}

/** Channels, or positions, of the inputs before one. */
function startOf(writer: ProgramWriter, { axis, inputs }: ConcatOperation, index: number): number {
  const lengths = inputs.slice(0, index).map((input) => {
    const [, positions, channels] = writer.positionExtents(input);
    return axis === "channels" ? channels : positions;
  });
  return lengths.reduce((sum, length) => sum + length, 0);
}
