import type { AveragePoolOperation } from "../../../../protocol/model/graph.ts";
import type { ValueWriter } from "../forward-writer.ts";
import {
  constant,
  divide,
  maximum,
  minimum,
  multiply,
  numberOf,
  REDUCED,
  subtract,
  when,
  type Expression,
} from "../loops/expression.ts";
import { multipleOf, sumOf, type IndexForm } from "../loops/index-form.ts";
import { LoopWriter } from "../loops/loop-writer.ts";
import {
  positionIn,
  slidingAlong,
  windowOf,
  windowsOfPosition,
  type Sliding,
} from "../loops/windows.ts";
import type { ProgramWriter } from "../program-writer.ts";
import { paddedBy, type Tensor4D } from "./judged-values.ts";
import { NO_PIECES, type OperationDescription } from "./operation.ts";

/** y = the mean of each window. */
export const averagePool: OperationDescription<AveragePoolOperation> = {
  storedInputs: () => [],
  forward: write,
  evaluation: { ...NO_PIECES, write },

  backward(pass, step, dy) {
    const { writer } = pass;
    const { input, output } = step;
    if (!pass.isWanted(input)) return;
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
      shareOf(writer, step, gradient.at(...at), down.window, across.window),
      0,
    );
    const dx = writer.activation(input);
    writer.emit("backward", loops.kernel("average-pool gradient", dx, { by: "sum", of }));
    pass.pass(input, dx);
  },

  judged({ tf, value }, { input, kernel, stride, padding, countsPadding }) {
    const x = value<Tensor4D>(input);
    const mean = (of: Tensor4D): Tensor4D =>
      tf.avgPool(paddedBy(tf, of, padding, 0), [...kernel], [...stride], "valid");
    return countsPadding ? mean(x) : tf.div(mean(x), mean(tf.onesLike(x)));
  },
};

function write(pass: ValueWriter, step: AveragePoolOperation): void {
  const { writer } = pass;
  const loops = new LoopWriter(writer.mapExtents(step.output), step.kernel);
  const [image, row, column, channel, down, across] = loops.axes;
  const [rows, columns] = slidingAlong(step);
  const of = loops
    .reading(pass.reading(step.input), writer.mapExtents(step.input), writer.batch.groupSize)
    .padded(0, image, positionIn(rows, row, down), positionIn(columns, column, across), channel);
  const mean = shareOf(writer, step, REDUCED, row, column);
  pass.give(step.output, (y) => loops.kernel("average-pool", y, { by: "sum", of }, mean));
}

/** A value divided by the number of positions that a window counts. */
function shareOf(
  writer: ProgramWriter,
  step: AveragePoolOperation,
  value: Expression,
  row: IndexForm,
  column: IndexForm,
): Expression {
  const { kernel, padding, countsPadding, input } = step;
  const isPadded = Object.values(padding).some((size) => size > 0);
  if (countsPadding || !isPadded) return multiply(value, constant(1 / (kernel[0] * kernel[1])));
  const { height, width } = writer.extent(input);
  const [rows, columns] = slidingAlong(step);
  return divide(value, multiply(insideOf(rows, row, height), insideOf(columns, column, width)));
}

/** Positions of a window that are in the map. */
function insideOf(
  { kernel, stride, before }: Sliding,
  window: IndexForm,
  size: number,
): Expression {
  const first = sumOf(multipleOf(window, stride), -before);
  const end = minimum(numberOf(sumOf(first, kernel)), constant(size));
  return subtract(end, maximum(numberOf(first), constant(0)));
}
