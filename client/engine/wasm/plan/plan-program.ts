import type { Kernel, Program, ScheduledKernel } from "../../program/program.ts";
import {
  linear,
  linearGradient,
  normGradientFactors,
  normStatistics,
  pool,
  runningNorm,
  type Floats,
} from "./host-kernels.ts";
import { collectAscent, perturb, type Perturbation } from "./copy-kernels.ts";
import { loss, type LossTarget, type LossTotals } from "./loss-kernel.ts";
import { planConvolution } from "./plan-convolution.ts";
import { planFilterGradient } from "./plan-filter-gradient.ts";
import { planInputGradient } from "./plan-input-gradient.ts";
import { planCombine, planGatherGradient, planNormGradient } from "./plan-rows.ts";
import type { ParallelStage, Site } from "./stage.ts";

/** What a run of a program keeps account of. */
export interface RunState {
  readonly floats: Floats;
  readonly groups: number;
  /** Undefined where the program has no loss. */
  readonly target: LossTarget | undefined;
  /** Undefined where the program has neither copies nor a gradient by the images. */
  readonly perturbation: Perturbation | undefined;
  /** Sums over the images so far. */
  totals: LossTotals;
}

/** A kernel as stages of generated code, or as a loop of the calling thread. */
export type PlannedKernel = ScheduledKernel & {
  /** What is done once, before the first run: weights packed that never change. */
  readonly once: ParallelStage;
  readonly stages: readonly ParallelStage[];
  readonly host: ((state: RunState) => void) | undefined;
};

/**
 * Plans every kernel of a program at a site.
 *
 * @param lasting whether a kernel's packed weights stay as they are
 */
export function planProgram(
  place: Site,
  program: Program,
  lasting: (kernel: Kernel) => boolean,
): PlannedKernel[] {
  return program.kernels.map((scheduled) => {
    const { kernel, groupSize } = scheduled;
    const site = { ...place, groupSize };
    const host = hostKernel(kernel);
    if (kernel.kind !== "convolve" && kernel.kind !== "input-gradient") {
      return { ...scheduled, once: [], stages: stagesOf(site, kernel), host };
    }
    const { packing, convolving } =
      kernel.kind === "convolve" ? planConvolution(site, kernel) : planInputGradient(site, kernel);
    return lasting(kernel)
      ? { ...scheduled, once: packing, stages: [convolving], host }
      : { ...scheduled, once: [], stages: [packing, convolving], host };
  });
}

/** Of kernels without packed weights. */
function stagesOf(site: Site, kernel: Kernel): ParallelStage[] {
  switch (kernel.kind) {
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
        state.totals = loss(state.floats, kernel, state.groups, state.target!, state.totals);
      };
    case "running-norm":
      return ({ floats }) => runningNorm(floats, kernel);
    case "perturb":
      return ({ floats, groups, perturbation }) => perturb(floats, kernel, groups, perturbation!);
    case "collect-ascent":
      return ({ floats, groups, perturbation }) => {
        collectAscent(floats, kernel, groups, perturbation!);
      };
    case "head":
      throw new Error("a fused head was compiled for a backend that asks for none");
    default:
      return undefined;
  }
}
