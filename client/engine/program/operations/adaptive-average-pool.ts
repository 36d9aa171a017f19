import type { AdaptiveAveragePoolOperation } from "../../../../protocol/model/graph.ts";
import type { ValueWriter } from "../forward-writer.ts";
import {
  divide,
  multiply,
  numberOf,
  REDUCED,
  when,
  type Condition,
  type Expression,
} from "../loops/expression.ts";
import { multipleOf, quotientOf, sumOf, type IndexForm } from "../loops/index-form.ts";
import { LoopWriter } from "../loops/loop-writer.ts";
import type { Tensor4D } from "./judged-values.ts";
import { NO_PIECES, type OperationDescription } from "./operation.ts";

/** y = the mean of each of so many windows, which share a map out. */
export const adaptiveAveragePool: OperationDescription<AdaptiveAveragePoolOperation> = {
  storedInputs: () => [],
  forward: write,
  evaluation: { ...NO_PIECES, write },

  backward(pass, { input, output, size }, dy) {
    const { writer } = pass;
    if (!pass.isWanted(input)) return;
    const { height, width } = writer.extent(input);
    // A position's windows are what windows are to positions.
    const loops = new LoopWriter(writer.mapExtents(input), [
      widest(size[0], height),
      widest(size[1], width),
    ]);
    const [image, row, column, channel, down, across] = loops.axes;
    const windowRow = sumOf(firstOf(row, size[0], height), down);
    const windowColumn = sumOf(firstOf(column, size[1], width), across);
    const gradient = loops.tensor(dy, writer.mapExtents(output));
    const count = multiply(
      lengthOf(windowRow, height, size[0]),
      lengthOf(windowColumn, width, size[1]),
    );
    const of = when(
      [isIn(row, down, size[0], height), isIn(column, across, size[1], width)],
      divide(gradient.at(image, windowRow, windowColumn, channel), count),
      0,
    );
    const dx = writer.activation(input);
    writer.emit("backward", loops.kernel("adaptive-average-pool gradient", dx, { by: "sum", of }));
    pass.pass(input, dx);
  },

  judged({ tf, value }, { input, size }) {
    const x = value<Tensor4D>(input);
    const along = (of: Tensor4D, axis: 1 | 2, windows: number): Tensor4D => {
      const positions = of.shape[axis];
      const means = Array.from({ length: windows }, (_, i) => {
        const first = Math.floor((i * positions) / windows);
        const end = Math.ceil(((i + 1) * positions) / windows);
        const begin = [0, 0, 0, 0];
        const extents = [...of.shape];
        begin[axis] = first;
        extents[axis] = end - first;
        return tf.mean<Tensor4D>(tf.slice(of, begin, extents), axis, true);
      });
      return tf.concat(means, axis);
    };
    return along(along(x, 1, size[0]), 2, size[1]);
  },
};

function write(pass: ValueWriter, { input, output, size }: AdaptiveAveragePoolOperation): void {
  const { writer } = pass;
  const { height, width } = writer.extent(input);
  const loops = new LoopWriter(writer.mapExtents(output), [
    widest(height, size[0]),
    widest(width, size[1]),
  ]);
  const [image, row, column, channel, down, across] = loops.axes;
  const x = loops.reading(pass.reading(input), writer.mapExtents(input), writer.batch.groupSize);
  const of = when(
    [isIn(row, down, height, size[0]), isIn(column, across, width, size[1])],
    x.at(
      image,
      sumOf(firstOf(row, height, size[0]), down),
      sumOf(firstOf(column, width, size[1]), across),
      channel,
    ),
    0,
  );
  const count = multiply(lengthOf(row, height, size[0]), lengthOf(column, width, size[1]));
  pass.give(output, (y) =>
    loops.kernel("adaptive-average-pool", y, { by: "sum", of }, divide(REDUCED, count)),
  );
}

/** The first of the positions of window i of `windows`: ⌊i·positions/windows⌋. */
function firstOf(window: IndexForm, positions: number, windows: number): IndexForm {
  return quotientOf(multipleOf(window, positions), windows);
}

/** How many positions a window has: to before ⌈(i+1)·positions/windows⌉. */
function countOf(window: IndexForm, positions: number, windows: number): IndexForm {
  const end = quotientOf(sumOf(multipleOf(window, positions), positions + windows - 1), windows);
  return sumOf(end, multipleOf(firstOf(window, positions, windows), -1));
}

function lengthOf(window: IndexForm, positions: number, windows: number): Expression {
  return numberOf(countOf(window, positions, windows));
}

/** Whether a window has a place. */
function isIn(window: IndexForm, place: IndexForm, positions: number, windows: number): Condition {
  const behind = sumOf(countOf(window, positions, windows), multipleOf(place, -1));
  return { at: behind, from: 1, before: positions + 2 };
}

/** Most positions that a window has. */
function widest(positions: number, windows: number): number {
  const lengths = Array.from(
    { length: windows },
    (_, i) => Math.ceil(((i + 1) * positions) / windows) - Math.floor((i * positions) / windows),
  );
  return Math.max(...lengths);
}
