import type { MaxPoolOperation } from "../../../../protocol/model/graph.ts";
import type { ValueWriter } from "../forward-writer.ts";
import type { LoopsKernel } from "../kernels/loops.ts";
import { LOWEST, numberOf, when, whereEqual } from "../loops/expression.ts";
import { multipleOf, sumOf } from "../loops/index-form.ts";
import { LoopWriter } from "../loops/loop-writer.ts";
import { positionIn, slidingAlong, windowOf, windowsOfPosition } from "../loops/windows.ts";
import type { Operand, Reading } from "../operands.ts";
import type { ProgramWriter } from "../program-writer.ts";
import { paddedBy, type Tensor4D } from "./judged-values.ts";
import { NO_PIECES, type OperationDescription } from "./operation.ts";

/** y = the largest of each window's values; padding is less than all. */
export const maxPool: OperationDescription<MaxPoolOperation> = {
  storedInputs: () => [],
  forward: write,
  evaluation: { ...NO_PIECES, write },

  /** The first of a window's largest values, row by row, takes the window's gradient. */
  backward(pass, step, dy) {
    const { writer } = pass;
    const { input, output, kernel } = step;
    if (!pass.isWanted(input)) return;
    const largest = writer.activation(output);
    const x = pass.forward.readings.get(input)!;
    writer.emit("backward", ofWindows("arg-max", writer, step, x, largest));

    const [rows, columns] = slidingAlong(step);
    const loops = new LoopWriter(writer.mapExtents(input), [
      windowsOfPosition(rows),
      windowsOfPosition(columns),
    ]);
    const [image, row, column, channel, up, left] = loops.axes;
    const down = windowOf(rows, row, up);
    const across = windowOf(columns, column, left);
    const at = [image, down.window, across.window, channel] as const;
    const gradient = loops.tensor(dy, writer.mapExtents(output));
    const of = when(
      [...gradient.within(...at), ...down.conditions, ...across.conditions],
      whereEqual(
        loops.tensor(largest, writer.mapExtents(output)).at(...at),
        numberOf(sumOf(multipleOf(down.place, kernel[1]), across.place)),
        gradient.at(...at),
      ),
      0,
    );
    const dx = writer.activation(input);
    writer.emit("backward", loops.kernel("max-pool gradient", dx, { by: "sum", of }));
    pass.pass(input, dx);
  },

  judged({ tf, value }, { input, kernel, stride, padding }) {
    const x = paddedBy(tf, value<Tensor4D>(input), padding, LOWEST);
    return tf.maxPool(x, [...kernel], [...stride], "valid");
  },
};

function write(pass: ValueWriter, step: MaxPoolOperation): void {
  const x = pass.reading(step.input);
  pass.give(step.output, (y) => ofWindows("max", pass.writer, step, x, y));
}

/** The largest value of every window, or which of the window's it is. */
function ofWindows(
  by: "max" | "arg-max",
  writer: ProgramWriter,
  step: MaxPoolOperation,
  x: Reading,
  y: Operand,
): LoopsKernel {
  const loops = new LoopWriter(writer.mapExtents(step.output), step.kernel);
  const [image, row, column, channel, down, across] = loops.axes;
  const [rows, columns] = slidingAlong(step);
  const of = loops
    .reading(x, writer.mapExtents(step.input), writer.batch.groupSize)
    .padded(
      LOWEST,
      image,
      positionIn(rows, row, down),
      positionIn(columns, column, across),
      channel,
    );
  return loops.kernel(`max-pool ${by}`, y, { by, of });
}
