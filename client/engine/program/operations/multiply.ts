import type { MultiplyOperation } from "../../../../protocol/model/operations/pointwise.ts";
import type { ValueWriter } from "../forward-writer.ts";
import { multiply as product } from "../loops/expression.ts";
import { ofPair, pairedAt, type Paired } from "../loops/pairs.ts";
import { sumOverPositions } from "../loops/sum-over-images.ts";
import { stored } from "../program-writer.ts";
import { besides, type Tensor } from "./judged-values.ts";
import { NO_PIECES, type OperationDescription } from "./operation.ts";

/** y = a·b, b of the shape of a or one value a channel. */
export const multiply: OperationDescription<MultiplyOperation> = {
  storedInputs: () => [],
  forward: write,
  evaluation: { ...NO_PIECES, write },

  backward(pass, { inputs, output }, dy) {
    const { writer } = pass;
    const gradient = { id: output, reading: stored(dy) };
    const [a, b] = inputs.map((id) => ({ id, reading: pass.forward.readings.get(id)! })) as Pair;
    if (pass.isWanted(b.id)) {
      const db = writer.activation(b.id);
      const [, positions, channels] = writer.positionExtents(a.id);
      if (db.length === dy.length) {
        writer.emit("backward", ofPair("multiply gradient", writer, gradient, a, db, product));
      } else {
        sumOverPositions(writer, db, {
          label: "multiply gradient",
          positions,
          channels,
          term: (loops, at) =>
            product(pairedAt(writer, loops, gradient, at), pairedAt(writer, loops, a, at)),
        });
      }
      pass.pass(b.id, db);
    }
    if (!pass.isWanted(a.id)) return;
    const da = writer.activation(a.id);
    writer.emit("backward", ofPair("multiply gradient", writer, gradient, b, da, product));
    pass.pass(a.id, da);
  },

  judged: ({ tf, value }, { inputs: [a, b] }) => {
    const x = value<Tensor>(a);
    return tf.mul(x, besides(tf, x, value(b)));
  },
};

function write(pass: ValueWriter, { inputs, output }: MultiplyOperation): void {
  const [a, b] = inputs.map((id) => ({ id, reading: pass.reading(id) })) as Pair;
  pass.give(output, (y) => ofPair("multiply", pass.writer, a, b, y, product));
}

type Pair = [Paired, Paired];
