import type { GlobalAveragePoolOperation } from "../../../../protocol/model/graph.ts";
import { type ProgramWriter, stored } from "../program-writer.ts";
import { NO_PIECES, type OperationDescription } from "./operation.ts";

/** y = mean of x over positions. */
export const globalAveragePool: OperationDescription<GlobalAveragePoolOperation> = {
  storedInputs: () => [],

  forward(pass, { input, output }) {
    const x = pass.reading(input);
    pass.writer.emit("forward", {
      kind: "pool",
      ...shapeOf(pass.writer, input),
      x,
      y: pass.store(output),
    });
  },

  evaluation: {
    ...NO_PIECES,

    write(pass, { input, output }) {
      const x = stored(pass.value(input));
      pass.writer.emit("teacher", {
        kind: "pool",
        ...shapeOf(pass.writer, input),
        x,
        y: pass.store(output),
      });
    },
  },

  backward(pass, { input }, dy) {
    pass.gather(input, dy, true);
  },

  judged({ tf, value }, { input }) {
    const x = value(input);
    return tf.mean(x, x.rank === 4 ? [1, 2] : 1);
  },
};

function shapeOf(writer: ProgramWriter, input: string) {
  const { height, width, channels } = writer.extent(input);
  return { images: writer.imageCount, positions: height * width, channels };
}
