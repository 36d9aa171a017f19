import type { ShuffleChannelsOperation } from "../../../../protocol/model/operations/channels.ts";
import type { ValueWriter } from "../forward-writer.ts";
import { transposed } from "../loops/moved-values.ts";
import type { ProgramWriter } from "../program-writer.ts";
import { NO_PIECES, type OperationDescription } from "./operation.ts";

/** y = the channels `[groups, C/groups]` as `[C/groups, groups]`. */
export const shuffleChannels: OperationDescription<ShuffleChannelsOperation> = {
  storedInputs: ({ input }) => [input],
  forward: write,
  evaluation: { ...NO_PIECES, write },

  backward(pass, step, dy) {
    const { writer } = pass;
    if (!pass.isWanted(step.input)) return;
    const dx = writer.activation(step.input);
    const [rows, groups, inGroup] = extentsOf(writer, step);
    writer.emit(
      "backward",
      transposed("shuffle-channels gradient", dy, dx, [rows, inGroup, groups]),
    );
    pass.pass(step.input, dx);
  },

  judged({ tf, value }, { input, groups }) {
    const x = value(input);
    const channels = x.shape.at(-1)!;
    const apart = tf.reshape(x, [-1, groups, channels / groups]);
    return tf.reshape(tf.transpose(apart, [0, 2, 1]), x.shape);
  },
};

function write(pass: ValueWriter, step: ShuffleChannelsOperation): void {
  const { values } = pass.reading(step.input);
  const extents = extentsOf(pass.writer, step);
  pass.give(step.output, (y) => transposed("shuffle-channels", values, y, extents));
}

function extentsOf(
  writer: ProgramWriter,
  { input, groups }: ShuffleChannelsOperation,
): readonly [rows: number, groups: number, inGroup: number] {
  const { channels } = writer.extent(input);
  return [writer.rows(input), groups, channels / groups];
}
