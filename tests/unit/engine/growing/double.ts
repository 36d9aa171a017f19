import type { Operation, ValueId } from "../../../../protocol/model/graph.ts";
import type { OperationShape } from "../../../../protocol/model/operations/operation-shape.ts";
import {
  NO_PIECES,
  type OperationDescription,
} from "../../../../client/engine/program/operations/operation.ts";
import type { TrainingStep } from "../../../../client/engine/program/plan.ts";
import { stored } from "../../../../client/engine/program/program-writer.ts";

/** y = 2·x, as it would stand in the graph's union. */
interface DoubleOperation {
  readonly kind: "double";
  readonly input: ValueId;
  readonly output: ValueId;
}

export function double(input: ValueId, output: ValueId): Operation {
  const operation: DoubleOperation = { kind: "double", input, output };
  return operation as unknown as Operation;
}

export function isDouble(operation: object): boolean {
  return "kind" in operation && operation.kind === "double";
}

/** As it would stand in `protocol/model/operation-shapes.ts`. */
export const doubleShape: OperationShape<Operation> = {
  parameters: () => [],
  output: (_operation, [input]) => input!,
};

type Step = DoubleOperation & TrainingStep;

/** As it would stand in `client/engine/program/operations/double.ts`. */
export const doubleDescription: OperationDescription<Step> = {
  storedInputs: () => [],

  forward(pass, { input, output }) {
    const x = pass.reading(input);
    pass.combine(output, { x, addend: x, activation: undefined });
  },

  evaluation: {
    ...NO_PIECES,

    write(pass, { input, output }) {
      const x = stored(pass.value(input));
      pass.combine(output, { x, addend: x, activation: undefined });
    },
  },

  backward(pass, { input }, dy) {
    const { writer } = pass;
    const dx = writer.activation(input);
    writer.emit("backward", {
      kind: "combine",
      rows: writer.rows(input),
      channels: writer.extent(input).channels,
      x: stored(dy),
      addend: stored(dy),
      activation: undefined,
      y: dx,
      sums: undefined,
    });
    pass.pass(input, dx);
  },

  judged: ({ tf, value }, { input }) => tf.mul(value(input), 2),
};
