import type { AddOperation } from "../../../../protocol/model/graph.ts";
import { stored } from "../program-writer.ts";
import { NO_PIECES, type OperationDescription } from "./operation.ts";

/** y = a + b, where no batch norm has taken it up. */
export const add: OperationDescription<AddOperation> = {
  storedInputs: () => [],

  forward(pass, { inputs: [a, b], output }) {
    pass.combine(output, { x: pass.reading(a), addend: pass.reading(b), activation: undefined });
  },

  evaluation: {
    ...NO_PIECES,

    write(pass, { inputs: [a, b], output }) {
      const [x, addend] = [stored(pass.value(a)), stored(pass.value(b))];
      pass.combine(output, { x, addend, activation: undefined });
    },
  },

  backward(pass, { inputs }, dy) {
    for (const input of inputs) pass.pass(input, dy);
  },

  judged: ({ tf, value }, { inputs: [a, b] }) => tf.add(value(a), value(b)),
};
