import type { PadChannelsOperation } from "../../../../protocol/model/operations/channels.ts";
import type { ValueWriter } from "../forward-writer.ts";
import { shiftedChannels } from "../loops/moved-values.ts";
import { stored } from "../program-writer.ts";
import { NO_PIECES, type OperationDescription } from "./operation.ts";

/** y = x between channels of zeros. */
export const padChannels: OperationDescription<PadChannelsOperation> = {
  storedInputs: () => [],
  forward: write,
  evaluation: { ...NO_PIECES, write },

  backward(pass, { input, output, before }, dy) {
    const { writer } = pass;
    if (!pass.isWanted(input)) return;
    const dx = writer.activation(input);
    const gradient = { id: output, reading: stored(dy) };
    writer.emit(
      "backward",
      shiftedChannels(writer, "pad-channels gradient", gradient, input, dx, before),
    );
    pass.pass(input, dx);
  },

  judged({ tf, value }, { input, before, after }) {
    const x = value(input);
    const around = x.shape.map((_, axis): [number, number] =>
      axis === x.rank - 1 ? [before, after] : [0, 0],
    );
    return tf.pad(x, around);
  },
};

function write(pass: ValueWriter, { input, output, before }: PadChannelsOperation): void {
  const x = { id: input, reading: pass.reading(input) };
  pass.give(output, (y) => shiftedChannels(pass.writer, "pad-channels", x, output, y, -before));
}
