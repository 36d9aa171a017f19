import type { Operation } from "../../../../protocol/model/graph.ts";
import { flatten, shiftChannels, shuffleChannels } from "./reference-channels.ts";
import type { Tensor } from "./reference-operations.ts";
import { channelRuns, groupRuns, type RunNormInput } from "./reference-run-norms.ts";

/** Rounds a value to what it is stored in between operations. */
export type Store = (value: number) => number;

export function stored({ shape, values }: Tensor, store: Store): Tensor {
  return { shape, values: values.map((value) => store(value)) };
}

export function normInput(
  operation: Operation & { kind: "batch-norm" },
  x: Tensor,
  parameter: (name: string) => Tensor,
): { x: Tensor; scale: Tensor; shift: Tensor; epsilon: number } {
  const { scale, shift, epsilon } = operation;
  const channels = x.shape.at(-1)!;
  const constant = (value: number): Tensor => ({
    shape: [channels],
    values: new Float64Array(channels).fill(value),
  });
  return {
    x,
    scale: scale === undefined ? constant(1) : parameter(scale),
    shift: shift === undefined ? constant(0) : parameter(shift),
    epsilon,
  };
}

export function moveOf(
  operation: Extract<
    Operation,
    { kind: "slice-channels" | "pad-channels" | "shuffle-channels" | "flatten" }
  >,
  shape: readonly number[],
) {
  switch (operation.kind) {
    case "slice-channels":
      return shiftChannels(shape, operation.to - operation.from, operation.from);
    case "pad-channels": {
      const { before, after } = operation;
      return shiftChannels(shape, before + shape.at(-1)! + after, -before);
    }
    case "shuffle-channels":
      return shuffleChannels(shape, operation.groups);
    case "flatten":
      return flatten(shape, operation.order);
    default:
      return operation satisfies never;
  }
}

/** Runs of what a norm takes moments of, with its parameters. */
export function runNormInput(
  operation: Operation & { kind: "layer-norm" | "group-norm" },
  x: Tensor,
  parameter: (name: string) => Tensor,
): RunNormInput {
  const { scale, shift, epsilon } = operation;
  return {
    x,
    runOf: operation.kind === "layer-norm" ? channelRuns(x) : groupRuns(x, operation.groups),
    scale: scale === undefined ? undefined : parameter(scale),
    shift: shift === undefined ? undefined : parameter(shift),
    epsilon,
  };
}
