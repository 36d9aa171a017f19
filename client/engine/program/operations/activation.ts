import type { ActivationOperation } from "../../../../protocol/model/graph.ts";
import { rulesOf } from "../activations.ts";
import { stored } from "../program-writer.ts";
import { NO_PIECES, type OperationDescription } from "./operation.ts";

/** y = f(x), f of `activations.ts`, where no batch norm has taken it up. */
export const activation: OperationDescription<ActivationOperation> = {
  storedInputs: () => [],

  forward(pass, { input, output, activation: f }) {
    pass.combine(output, { x: pass.reading(input), addend: undefined, activation: f });
  },

  evaluation: {
    ...NO_PIECES,

    write(pass, { input, output, activation: f }) {
      pass.combine(output, { x: stored(pass.value(input)), addend: undefined, activation: f });
    },
  },

  /** The gradient came through the activation when it was gathered for `output`. */
  backward(pass, { input }, dy) {
    pass.pass(input, dy);
  },

  judged: ({ tf, value }, { activation: f, input }) => rulesOf(f).judged(tf, value(input)),
};
