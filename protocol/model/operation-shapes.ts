import type { Operation } from "./graph.ts";
import { conv2dShape } from "./operations/conv2d.ts";
import {
  concatShape,
  flattenShape,
  padChannelsShape,
  shuffleChannelsShape,
  sliceChannelsShape,
} from "./operations/channels.ts";
import { linearShape } from "./operations/linear.ts";
import { batchNormShape, groupNormShape, layerNormShape } from "./operations/norms.ts";
import type { OperationShape } from "./operations/operation-shape.ts";
import {
  activationShape,
  addShape,
  multiplyShape,
  scaleShape,
  softmaxShape,
} from "./operations/pointwise.ts";
import {
  adaptiveAveragePoolShape,
  averagePoolShape,
  globalAveragePoolShape,
  maxPoolShape,
} from "./operations/pooling.ts";
import {
  addEmbeddingShape,
  attentionShape,
  prependTokensShape,
  sliceTokensShape,
  takeTokenShape,
  toTokensShape,
} from "./operations/tokens.ts";

/** Every operation, once. */
const SHAPES: {
  readonly [Kind in Operation["kind"]]: OperationShape<Extract<Operation, { kind: Kind }>>;
} = {
  conv2d: conv2dShape,
  linear: linearShape,
  "batch-norm": batchNormShape,
  "layer-norm": layerNormShape,
  "group-norm": groupNormShape,
  activation: activationShape,
  add: addShape,
  multiply: multiplyShape,
  scale: scaleShape,
  softmax: softmaxShape,
  "max-pool": maxPoolShape,
  "average-pool": averagePoolShape,
  "adaptive-average-pool": adaptiveAveragePoolShape,
  "global-average-pool": globalAveragePoolShape,
  concat: concatShape,
  "slice-channels": sliceChannelsShape,
  "pad-channels": padChannelsShape,
  "shuffle-channels": shuffleChannelsShape,
  flatten: flattenShape,
  "to-tokens": toTokensShape,
  "prepend-tokens": prependTokensShape,
  "add-embedding": addEmbeddingShape,
  "slice-tokens": sliceTokensShape,
  "take-token": takeTokenShape,
  attention: attentionShape,
};

/** What is to be known of an operation without executing it. */
export function shapeOf(operation: Operation): OperationShape<Operation> {
  return SHAPES[operation.kind];
}
