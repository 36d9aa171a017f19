import type { FlattenOperation } from "../../../../protocol/model/operations/channels.ts";
import type { ValueWriter } from "../forward-writer.ts";
import { transposed } from "../loops/moved-values.ts";
import type { Operand } from "../operands.ts";
import { stored, type ProgramWriter } from "../program-writer.ts";
import { NO_PIECES, type OperationDescription } from "./operation.ts";

/** y = a map's values as features, in the order of the source; of a channels-last one the same memory. */
export const flatten: OperationDescription<FlattenOperation> = {
  storedInputs: ({ input }) => [input],
  forward: write,
  evaluation: { ...NO_PIECES, write },

  backward(pass, step, dy) {
    const { writer } = pass;
    if (!pass.isWanted(step.input)) return;
    const dx = writer.activation(step.input);
    if (isSameMemory(writer, step, dy, dx)) {
      pass.pass(step.input, dy);
      return;
    }
    const [images, first, second] = memoryExtents(writer, step);
    writer.emit("backward", transposed("flatten gradient", dy, dx, [images, second, first]));
    pass.pass(step.input, dx);
  },

  judged({ tf, value }, { input, order }) {
    const x = value(input);
    const inOrder = order === "channels-last" ? x : tf.transpose(x, [0, 3, 1, 2]);
    return tf.reshape(inOrder, [x.shape[0]!, -1]);
  },
};

function write(pass: ValueWriter, step: FlattenOperation): void {
  const { writer } = pass;
  const { values } = pass.reading(step.input);
  if (isSameMemory(writer, step, values, writer.activation(step.output))) {
    pass.readAs(step.output, stored(values));
    return;
  }
  const extents = memoryExtents(writer, step);
  pass.give(step.output, (y) => transposed("flatten", values, y, extents));
}

/** Whether the order stays, and both are stored alike. */
function isSameMemory(
  writer: ProgramWriter,
  step: FlattenOperation,
  one: Operand,
  other: Operand,
): boolean {
  return keepsOrder(writer, step) && one.region === other.region;
}

function keepsOrder(writer: ProgramWriter, { input, order }: FlattenOperation): boolean {
  const [, positions, channels] = writer.positionExtents(input);
  return order === "channels-last" || positions === 1 || channels === 1;
}

/** The input's values, as two axes that change places: one of them a single value where none need. */
function memoryExtents(
  writer: ProgramWriter,
  step: FlattenOperation,
): readonly [images: number, first: number, second: number] {
  const [images, positions, channels] = writer.positionExtents(step.input);
  return keepsOrder(writer, step)
    ? [images, 1, positions * channels]
    : [images, positions, channels];
}
