import type { Program, ScheduledKernel } from "../program/program.ts";
import { tiledImages, type Tiles } from "./tiles/tiles.ts";
import { biasGradientDispatches } from "./wgsl/bias.ts";
import { convolveDispatch } from "./wgsl/convolve.ts";
import { collectAscentDispatch, perturbDispatch, type CopyPlace } from "./wgsl/copies.ts";
import { depthwiseFilterGradientDispatch } from "./wgsl/depthwise-filter-gradient.ts";
import { depthwiseDispatch, depthwiseInputGradientDispatch } from "./wgsl/depthwise.ts";
import { filterGradientDispatch, filterReduceDispatch } from "./wgsl/filter-gradient.ts";
import { headDispatch, headSumsDispatch } from "./wgsl/fused-head.ts";
import { linearDispatch, linearGradientDispatch, poolDispatch } from "./wgsl/head.ts";
import { inputGradientDispatch } from "./wgsl/input-gradient.ts";
import { loopsDispatch } from "./wgsl/loops.ts";
import { productDispatch } from "./wgsl/product.ts";
import { lossDispatch, type LossPlace } from "./wgsl/loss.ts";
import {
  normGradientFactorsDispatch,
  normStatisticsDispatch,
  runningNormDispatch,
} from "./wgsl/norm.ts";
import { combineDispatch, gatherGradientDispatch, normGradientDispatch } from "./wgsl/rowwise.ts";
import type { Dispatch } from "./wgsl/shader.ts";
import { collectWarpDispatch } from "./wgsl/warp.ts";

/** Where a micro-batch finds what no program places. */
export type BatchPlace = LossPlace & CopyPlace;

/** The dispatches of a program's kernels, in order. */
export function lowerProgram(program: Program, tiles: Tiles, place: BatchPlace): Dispatch[] {
  const { groups } = program;
  return program.kernels.flatMap((scheduled) => lowerKernel(scheduled, groups, tiles, place));
}

function lowerKernel(
  { kernel, groupSize }: ScheduledKernel,
  groups: number,
  tiles: Tiles,
  place: BatchPlace,
): Dispatch[] {
  switch (kernel.kind) {
    case "convolve": {
      const tile = tiles.tileFor(kernel.kind, kernel.geometry, tiledImages(kernel, groupSize));
      return [convolveDispatch(kernel, tile, groupSize)];
    }
    case "input-gradient":
      return [
        inputGradientDispatch(
          kernel,
          tiles.tileFor(kernel.kind, kernel.geometry, groupSize),
          groupSize,
        ),
      ];
    case "filter-gradient": {
      const tile = tiles.tileFor(kernel.kind, kernel.geometry, groupSize);
      const reduce = filterReduceDispatch(kernel);
      const sum = filterGradientDispatch(kernel, tile, groupSize);
      return reduce ? [sum, reduce] : [sum];
    }
    case "depthwise":
      return [depthwiseDispatch(kernel, groupSize, tiles.cooperation)];
    case "depthwise-input-gradient":
      return [depthwiseInputGradientDispatch(kernel, groupSize, tiles.cooperation)];
    case "depthwise-filter-gradient":
      return [
        depthwiseFilterGradientDispatch(kernel, groupSize, tiles.cooperation),
        filterReduceDispatch(kernel),
      ].filter((dispatch) => dispatch !== undefined);
    case "bias-gradient":
      return biasGradientDispatches(kernel, groups, tiles.cooperation);
    case "norm-statistics":
      return [normStatisticsDispatch(kernel, groups, tiles.cooperation)];
    case "running-norm":
      return [runningNormDispatch(kernel)];
    case "combine":
      return [combineDispatch(kernel, groups, tiles.cooperation)];
    case "gather-gradient":
      return [gatherGradientDispatch(kernel, groups, tiles.cooperation)];
    case "loops":
      return [loopsDispatch(kernel)];
    case "product":
      return [productDispatch(kernel)];
    case "norm-gradient-factors":
      return [normGradientFactorsDispatch(kernel, groups, tiles.cooperation)];
    case "norm-gradient":
      return [normGradientDispatch(kernel, groups, tiles.cooperation)];
    case "pool":
      return [poolDispatch(kernel, groupSize)];
    case "linear":
      return [linearDispatch(kernel)];
    case "linear-gradient":
      return [linearGradientDispatch(kernel)];
    case "loss":
      return [lossDispatch(kernel, place)];
    case "head":
      return [
        headDispatch(kernel, groupSize, place, tiles.cooperation),
        headSumsDispatch(kernel, place),
      ];
    case "perturb":
      return [perturbDispatch(kernel, place)];
    case "collect-ascent":
      return [
        collectAscentDispatch(kernel, groups, place),
        ...(kernel.warp
          ? [collectWarpDispatch(kernel, kernel.warp, groups, place.first, place.warp!)]
          : []),
      ];
    default:
      return kernel satisfies never;
  }
}
