import type { NodeAtHand } from "../node-at-hand.ts";
import type { Symbol } from "../symbols.ts";
import { binary, BINARY_OPERATIONS, prelu, unary, UNARY_OPERATIONS } from "./arithmetic.ts";
import { gemm, matMul } from "./linear.ts";
import { batchNorm, layerNorm } from "./norms.ts";
import { concat, gather, reduceMean, slice, softmax, split } from "./parts.ts";
import { expand, flatten, reshape, same, shape, squeeze, transpose, unsqueeze } from "./shapes.ts";
import { convolution, globalPool, pad, windowPool } from "./windows.ts";

/** What an operation of ONNX gives, of values of the network. */
type Draw = (at: NodeAtHand) => Symbol | Symbol[];

/** The operations that a network may have; what folding.ts has besides is for shape arithmetic. */
export const OPERATIONS: ReadonlyMap<string, Draw> = new Map<string, Draw>([
  ["Conv", convolution],
  ["Gemm", gemm],
  ["MatMul", matMul],
  ["BatchNormalization", batchNorm],
  ["LayerNormalization", layerNorm],
  ...UNARY_OPERATIONS.map((op) => [op, unary] as const),
  ...BINARY_OPERATIONS.map((op) => [op, binary] as const),
  ["PRelu", prelu],
  ["MaxPool", windowPool],
  ["AveragePool", windowPool],
  ["GlobalAveragePool", globalPool],
  ["GlobalMaxPool", globalPool],
  ["ReduceMean", reduceMean],
  ["Softmax", softmax],
  ["Pad", pad],
  ["Concat", concat],
  ["Slice", slice],
  ["Split", split],
  ["Gather", gather],
  ["Reshape", reshape],
  ["Flatten", flatten],
  ["Squeeze", squeeze],
  ["Unsqueeze", unsqueeze],
  ["Transpose", transpose],
  ["Expand", expand],
  ["Shape", shape],
  ["Identity", same],
  ["Dropout", same],
  ["Cast", same],
]);
