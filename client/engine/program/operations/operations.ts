import type { Operation } from "../../../../protocol/model/graph.ts";
import type { EvaluationStep, TrainingStep } from "../plan.ts";
import { adaptiveAveragePool } from "./adaptive-average-pool.ts";
import { averagePool } from "./average-pool.ts";
import { concat } from "./concat.ts";
import { flatten } from "./flatten.ts";
import { padChannels } from "./pad-channels.ts";
import { scale } from "./scale.ts";
import { shuffleChannels } from "./shuffle-channels.ts";
import { sliceChannels } from "./slice-channels.ts";
import { activation } from "./activation.ts";
import { add } from "./add.ts";
import { batchNorm } from "./batch-norm.ts";
import { conv2d } from "./conv2d.ts";
import { foldedConvolution } from "./folded-convolution.ts";
import { globalAveragePool } from "./global-average-pool.ts";
import { maxPool } from "./max-pool.ts";
import { multiply } from "./multiply.ts";
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
  multiply,
  scale,
  softmax: refused("softmax"),
  "max-pool": maxPool,
  "average-pool": averagePool,
  "adaptive-average-pool": adaptiveAveragePool,
  concat,
  "slice-channels": sliceChannels,
  "pad-channels": padChannels,
  "shuffle-channels": shuffleChannels,
  flatten,
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
