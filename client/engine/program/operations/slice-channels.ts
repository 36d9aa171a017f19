import type { SliceChannelsOperation } from "../../../../protocol/model/operations/channels.ts";
import type { ValueWriter } from "../forward-writer.ts";
import { shiftedChannels } from "../loops/moved-values.ts";
import { stored } from "../program-writer.ts";
import { NO_PIECES, type OperationDescription } from "./operation.ts";

/** y = the channels `from` to before `to`. */
export const sliceChannels: OperationDescription<SliceChannelsOperation> = {
  storedInputs: () => [],
  forward: write,
  evaluation: { ...NO_PIECES, write },

  backward(pass, { input, output, from }, dy) {
    const { writer } = pass;
    if (!pass.isWanted(input)) return;
    const dx = writer.activation(input);
    const gradient = { id: output, reading: stored(dy) };
    writer.emit(
      "backward",
      shiftedChannels(writer, "slice-channels gradient", gradient, input, dx, -from),
    );
    pass.pass(input, dx);
  },

  judged({ tf, value }, { input, from, to }) {
    const x = value(input);
    const begin = x.shape.map((_, axis) => (axis === x.rank - 1 ? from : 0));
    return tf.slice(x, begin, [...x.shape.slice(0, -1), to - from]);
  },
};

function write(pass: ValueWriter, { input, output, from }: SliceChannelsOperation): void {
  const x = { id: input, reading: pass.reading(input) };
  pass.give(output, (y) => shiftedChannels(pass.writer, "slice-channels", x, output, y, from));
}
