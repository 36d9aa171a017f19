import type { Kernel, Program } from "../program/program.ts";
import type { Tiles } from "./tiles.ts";
import { convolveDispatch } from "./wgsl/convolve.ts";
import { filterGradientDispatch, filterReduceDispatch } from "./wgsl/filter-gradient.ts";
import { linearDispatch, linearGradientDispatch, poolDispatch } from "./wgsl/head.ts";
import { inputGradientDispatch } from "./wgsl/input-gradient.ts";
import { lossDispatch, type LossPlace } from "./wgsl/loss.ts";
import { normGradientFactorsDispatch, normStatisticsDispatch } from "./wgsl/norm.ts";
import { combineDispatch, gatherGradientDispatch, normGradientDispatch } from "./wgsl/rowwise.ts";
import type { Dispatch } from "./wgsl/shader.ts";

/** The dispatches of a program's kernels, in order. */
export function lowerProgram(program: Program, tiles: Tiles, loss: LossPlace): Dispatch[] {
  return program.kernels.flatMap(({ kernel }) => lowerKernel(kernel, program, tiles, loss));
}

function lowerKernel(
  kernel: Kernel,
  { groupSize, groups }: Program,
  tiles: Tiles,
  loss: LossPlace,
): Dispatch[] {
  switch (kernel.kind) {
    case "convolve":
      return [
        convolveDispatch(kernel, tiles.tileFor(kernel.kind, kernel.geometry, groupSize), groupSize),
      ];
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
    case "norm-statistics":
      return [normStatisticsDispatch(kernel, groups, tiles.cooperation)];
    case "combine":
      return [combineDispatch(kernel, groups, tiles.cooperation)];
    case "gather-gradient":
      return [gatherGradientDispatch(kernel, groups, tiles.cooperation)];
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
      return [lossDispatch(kernel, loss)];
    default:
      return kernel satisfies never;
  }
}
