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
import { attention } from "./attention.ts";
import { batchNorm } from "./batch-norm.ts";
import { conv2d } from "./conv2d.ts";
import { foldedConvolution } from "./folded-convolution.ts";
import { addEmbedding, prependTokens } from "./embeddings.ts";
import { sliceTokens, takeToken } from "./cut-tokens.ts";
import { groupNorm } from "./group-norm.ts";
import { layerNorm } from "./layer-norm.ts";
import { softmax } from "./softmax.ts";
import { toTokens } from "./to-tokens.ts";
import { globalAveragePool } from "./global-average-pool.ts";
import { maxPool } from "./max-pool.ts";
import { multiply } from "./multiply.ts";
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
  "layer-norm": layerNorm,
  "group-norm": groupNorm,
  multiply,
  scale,
  softmax,
  "max-pool": maxPool,
  "average-pool": averagePool,
  "adaptive-average-pool": adaptiveAveragePool,
  concat,
  "slice-channels": sliceChannels,
  "pad-channels": padChannels,
  "shuffle-channels": shuffleChannels,
  flatten,
  "to-tokens": toTokens,
  "prepend-tokens": prependTokens,
  "add-embedding": addEmbedding,
  "slice-tokens": sliceTokens,
  "take-token": takeToken,
  attention,
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
