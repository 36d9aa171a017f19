import type { Operation } from "../../../../protocol/model/graph.ts";
import type { EvaluationStep, TrainingStep } from "../plan.ts";
import { activation } from "./activation.ts";
import { add } from "./add.ts";
import { batchNorm } from "./batch-norm.ts";
import { conv2d } from "./conv2d.ts";
import { foldedConvolution } from "./folded-convolution.ts";
import { globalAveragePool } from "./global-average-pool.ts";
import { linear } from "./linear.ts";
import type { EvaluationDescription, OperationDescription } from "./operation.ts";

/** Every operation, once: what passes are written from. */
export const OPERATIONS: {
  readonly [Kind in Operation["kind"]]: OperationDescription<
    Extract<TrainingStep, { kind: Kind }>,
    string
  >;
} = {
  conv2d,
  "batch-norm": batchNorm,
  activation,
  add,
  "global-average-pool": globalAveragePool,
  linear,
};

/** The operation that a step is, or that stands in a graph. */
export function operationOf({
  kind,
}: Pick<Operation, "kind">): OperationDescription<TrainingStep, string> {
  return OPERATIONS[kind];
}

/** What a step is in evaluation mode. */
export function evaluationOf(step: EvaluationStep): EvaluationDescription<EvaluationStep, string> {
  return step.kind === "folded-conv" ? foldedConvolution : OPERATIONS[step.kind].evaluation;
}
