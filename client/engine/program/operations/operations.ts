import type { Operation } from "../../../../protocol/model/graph.ts";
import type { EvaluationStep, TrainingStep } from "../plan.ts";
import { activation } from "./activation.ts";
import { add } from "./add.ts";
import { batchNorm } from "./batch-norm.ts";
import { conv2d } from "./conv2d.ts";
import { foldedConvolution } from "./folded-convolution.ts";
import { globalAveragePool } from "./global-average-pool.ts";
import { linear } from "./linear.ts";
import { refused } from "./not-executed.ts";
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
  "layer-norm": refused("layer-norm"),
  "group-norm": refused("group-norm"),
  multiply: refused("multiply"),
  scale: refused("scale"),
  softmax: refused("softmax"),
  "max-pool": refused("max-pool"),
  "average-pool": refused("average-pool"),
  "adaptive-average-pool": refused("adaptive-average-pool"),
  concat: refused("concat"),
  "slice-channels": refused("slice-channels"),
  "pad-channels": refused("pad-channels"),
  "shuffle-channels": refused("shuffle-channels"),
  flatten: refused("flatten"),
  "to-tokens": refused("to-tokens"),
  "prepend-tokens": refused("prepend-tokens"),
  "add-embedding": refused("add-embedding"),
  "slice-tokens": refused("slice-tokens"),
  "take-token": refused("take-token"),
  attention: refused("attention"),
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
