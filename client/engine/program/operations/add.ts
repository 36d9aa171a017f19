import type { AddOperation, ValueId } from "../../../../protocol/model/graph.ts";
import type { Combination, ValueWriter } from "../forward-writer.ts";
import { add as sum } from "../loops/expression.ts";
import { ofPair } from "../loops/pairs.ts";
import { sumOverPositions } from "../loops/sum-over-images.ts";
import type { ProgramWriter } from "../program-writer.ts";
import { besides } from "./judged-values.ts";
import { NO_PIECES, type OperationDescription } from "./operation.ts";

/** y = a + b, b of the shape of a or one value a channel, where no batch norm has taken it up. */
export const add: OperationDescription<AddOperation> = {
  storedInputs: () => [],
  forward: write,
  evaluation: { ...NO_PIECES, write },

  backward(pass, { inputs }, dy) {
    const [a, b] = inputs;
    const { writer } = pass;
    if (isSpread(writer, inputs) && pass.isWanted(b)) {
      const extents = writer.positionExtents(a);
      const [, positions, channels] = extents;
      const db = writer.activation(b);
      sumOverPositions(writer, db, {
        label: "add gradient",
        positions,
        channels,
        term: (loops, at) => loops.tensor(dy, extents).at(...at),
      });
      pass.pass(a, dy);
      pass.pass(b, db);
    } else {
      for (const input of inputs) pass.pass(input, dy);
    }
  },

  judged({ tf, value }, { inputs: [a, b] }) {
    const x = value(a);
    return tf.add(x, besides(tf, x, value(b)));
  },
};

interface SumWriter extends ValueWriter {
  combine(output: ValueId, combination: Combination): void;
}

function write(pass: SumWriter, { inputs, output }: AddOperation): void {
  const { writer } = pass;
  const [a, b] = inputs;
  const [x, addend] = [pass.reading(a), pass.reading(b)];
  if (isSpread(writer, inputs)) {
    pass.give(output, (y) =>
      ofPair("add", writer, { id: a, reading: x }, { id: b, reading: addend }, y, sum),
    );
  } else {
    pass.combine(output, { x, addend, activation: undefined });
  }
}

/** Whether the second has one value a channel, for all positions of the first. */
function isSpread(writer: ProgramWriter, [a, b]: AddOperation["inputs"]): boolean {
  return writer.rows(a) !== writer.rows(b);
}
