import type { ToTokensOperation } from "../../../../protocol/model/operations/tokens.ts";
import type { ValueWriter } from "../forward-writer.ts";
import { shiftedChannels } from "../loops/moved-values.ts";
import { stored } from "../program-writer.ts";
import { NO_PIECES, type OperationDescription } from "./operation.ts";

/** y = a map's positions as tokens: the same memory, but for a map in halves. */
export const toTokens: OperationDescription<ToTokensOperation> = {
  storedInputs: ({ input }) => [input],
  forward: write,
  evaluation: { ...NO_PIECES, write },

  backward(pass, { input, output }, dy) {
    const { writer } = pass;
    if (!pass.isWanted(input)) return;
    const dx = writer.activation(input);
    if (dx.region === dy.region) {
      pass.pass(input, dy);
      return;
    }
    const source = { id: output, reading: stored(dy) };
    writer.emit("backward", shiftedChannels(writer, "tokens gradient", source, input, dx, 0));
    pass.pass(input, dx);
  },

  judged({ tf, value }, { input }) {
    const x = value(input);
    return tf.reshape(x, [x.shape[0]!, -1, x.shape.at(-1)!]);
  },
};

function write(pass: ValueWriter, { input, output }: ToTokensOperation): void {
  const { writer } = pass;
  const reading = pass.reading(input);
  if (reading.values.region === writer.activation(output).region) {
    pass.readAs(output, reading);
    return;
  }
  const source = { id: input, reading };
  pass.give(output, (y) => shiftedChannels(writer, "tokens", source, output, y, 0));
}
