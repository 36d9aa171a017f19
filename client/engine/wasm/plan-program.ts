import type { Kernel, Program, ScheduledKernel } from "../program/program.ts";
import { packedBytes } from "./plan-dense.ts";
import {
  linear,
  linearGradient,
  loss,
  normGradientFactors,
  normStatistics,
  pool,
  type Floats,
  type LossTarget,
} from "./host-kernels.ts";
import type { HostLoss } from "../host-loss.ts";
import { planConvolution } from "./plan-convolution.ts";
import { planFilterGradient } from "./plan-filter-gradient.ts";
import { planInputGradient } from "./plan-input-gradient.ts";
import { suitsWinograd, winogradWeightBytes } from "./plan-winograd.ts";
import { planCombine, planGatherGradient, planNormGradient } from "./plan-rows.ts";
import type { ParallelStage, Site } from "./stage.ts";

/** What a run of a program keeps account of. */
export interface RunState {
  readonly floats: Floats;
  readonly groups: number;
  /** Undefined where the program has no loss. */
  readonly target: LossTarget | undefined;
  /** Sums over the images so far. */
  total: HostLoss;
}

/** A kernel as stages of generated code, or as a loop of the calling thread. */
export type PlannedKernel = ScheduledKernel & {
  readonly stages: readonly ParallelStage[];
  readonly host: ((state: RunState) => void) | undefined;
};

/** Plans every kernel of a program at a site. */
export function planProgram(site: Site, program: Program): PlannedKernel[] {
  return program.kernels.map((scheduled) => ({
    ...scheduled,
    stages: stagesOf(site, scheduled.kernel),
    host: hostKernel(scheduled.kernel),
  }));
}

/** Bytes that the packed weights of a program's largest convolution take. */
export function packedWeightBytes(program: Program): number {
  const sizes = program.kernels.map(({ kernel }) => {
    if (kernel.kind !== "convolve" && kernel.kind !== "input-gradient") return 0;
    const { geometry } = kernel;
    const { channelsIn, channelsOut, groups } = geometry;
    const taps = geometry.kernelHeight * geometry.kernelWidth;
    const [rows, columns] =
      kernel.kind === "convolve" ? [channelsIn, channelsOut] : [channelsOut, channelsIn];
    const direction = kernel.kind === "convolve" ? "forward" : "gradient";
    if (suitsWinograd(geometry, direction)) return winogradWeightBytes(rows, columns);
    return groups * packedBytes((taps * rows) / groups, columns / groups);
  });
  return Math.max(0, ...sizes);
}

function stagesOf(site: Site, kernel: Kernel): ParallelStage[] {
  switch (kernel.kind) {
    case "convolve":
      return planConvolution(site, kernel);
    case "input-gradient":
      return planInputGradient(site, kernel);
    case "filter-gradient":
      return planFilterGradient(site, kernel);
    case "combine":
      return planCombine(site, kernel);
    case "gather-gradient":
      return planGatherGradient(site, kernel);
    case "norm-gradient":
      return planNormGradient(site, kernel);
    default:
      return [];
  }
}

function hostKernel(kernel: Kernel): PlannedKernel["host"] {
  switch (kernel.kind) {
    case "norm-statistics":
      return ({ floats, groups }) => normStatistics(floats, kernel, groups);
    case "norm-gradient-factors":
      return ({ floats, groups }) => normGradientFactors(floats, kernel, groups);
    case "pool":
      return ({ floats, groups }) => pool(floats, kernel, groups);
    case "linear":
      return ({ floats }) => linear(floats, kernel);
    case "linear-gradient":
      return ({ floats }) => linearGradient(floats, kernel);
    case "loss":
      return (state) => {
        state.total = loss(state.floats, kernel, state.target!, state.total);
      };
    default:
      return undefined;
  }
}
