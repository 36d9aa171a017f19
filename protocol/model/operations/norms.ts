import type { ValueId } from "../values.ts";
import {
  channelsOf,
  checkChannels,
  isExtent,
  optional,
  spatial,
  type Fail,
  type OperationShape,
  type ParameterNeed,
} from "./operation-shape.ts";

/** Batch normalisation over `[N, H, W]`, running statistics as PyTorch defines them. */
export interface BatchNormOperation {
  readonly kind: "batch-norm";
  readonly input: ValueId;
  readonly output: ValueId;
  /** Without one, 1. */
  readonly scale?: string;
  /** Without one, 0. */
  readonly shift?: string;
  readonly runningMean: string;
  readonly runningVariance: string;
  readonly epsilon: number;
  /** Share of the new batch in the running statistics: r ← (1 − momentum)·r + momentum·batch. */
  readonly momentum: number;
  /**
   * Put in for one that the file may have folded into the convolution before it (SPEC L2): what the
   * teacher has as its running statistics says nothing of images.
   */
  readonly standsIn?: true;
}

/** Normalises the channels of every position (of a map, of tokens, or features) by themselves. */
export interface LayerNormOperation {
  readonly kind: "layer-norm";
  readonly input: ValueId;
  readonly output: ValueId;
  readonly scale?: string;
  readonly shift?: string;
  readonly epsilon: number;
}

/** Normalises each run of `channels/groups` channels over an image's positions. */
export interface GroupNormOperation {
  readonly kind: "group-norm";
  readonly input: ValueId;
  readonly output: ValueId;
  readonly groups: number;
  readonly scale?: string;
  readonly shift?: string;
  readonly epsilon: number;
}

export const batchNormShape: OperationShape<BatchNormOperation> = {
  parameters: ({ runningMean, runningVariance, ...affine }) => [
    ...affineNeeds(affine),
    { name: runningMean, role: "running-mean", rank: 1 },
    { name: runningVariance, role: "running-variance", rank: 1 },
  ],
  output(operation, [input], parameters, fail) {
    const { epsilon, momentum } = operation;
    spatial(input!, fail);
    batchNormShape.parameters(operation).forEach(({ name }, i) => {
      checkChannels(input!, parameters[i]![0]!, name, fail);
    });
    checkEpsilon(epsilon, fail);
    if (!(momentum >= 0 && momentum <= 1)) throw fail(`its momentum is ${momentum}`);
    return input!;
  },
};

export const layerNormShape: OperationShape<LayerNormOperation> = {
  parameters: affineNeeds,
  output(operation, [input], parameters, fail) {
    affineNeeds(operation).forEach(({ name }, i) => {
      checkChannels(input!, parameters[i]![0]!, name, fail);
    });
    checkEpsilon(operation.epsilon, fail);
    return input!;
  },
};

export const groupNormShape: OperationShape<GroupNormOperation> = {
  parameters: affineNeeds,
  output(operation, [input], parameters, fail) {
    const { groups, epsilon } = operation;
    spatial(input!, fail);
    affineNeeds(operation).forEach(({ name }, i) => {
      checkChannels(input!, parameters[i]![0]!, name, fail);
    });
    if (!isExtent(groups) || channelsOf(input!) % groups !== 0) {
      throw fail(`${groups} groups do not divide ${channelsOf(input!)} channels`);
    }
    checkEpsilon(epsilon, fail);
    return input!;
  },
};

function affineNeeds({
  scale,
  shift,
}: {
  readonly scale?: string;
  readonly shift?: string;
}): ParameterNeed[] {
  return [...optional(scale, "norm-scale", 1), ...optional(shift, "norm-shift", 1)];
}

function checkEpsilon(epsilon: number, fail: Fail): void {
  if (!(epsilon > 0)) throw fail(`its epsilon is ${epsilon}`);
}
