import type * as tfjs from "@tensorflow/tfjs-core";
import type { Tensor } from "@tensorflow/tfjs-core";
import type { ValueId } from "../../../../protocol/model/graph.ts";

export type { Tensor, Tensor1D, Tensor2D, Tensor4D } from "@tensorflow/tfjs-core";

/** TensorFlow.js, handed in by whoever has loaded it: pages that ask for no judge load none of it. */
export type Tfjs = typeof tfjs;

/** What an operation's forward pass by TensorFlow.js is written against. */
export interface JudgedValues {
  readonly tf: Tfjs;
  /** `[N, H, W, C]` or `[N, C]`. */
  value<T extends Tensor>(id: ValueId): T;
  /** In the layout of the file. */
  parameter<T extends Tensor>(name: string): T;
}
