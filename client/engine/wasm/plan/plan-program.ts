import type { Kernel } from "../../program/kernels/kernels.ts";
import type { Program, ScheduledKernel } from "../../program/program.ts";
import {
  biasSums,
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
import { planDepthwise, planDepthwiseInputGradient } from "./plan-depthwise.ts";
import { planDepthwiseFilterGradient } from "./plan-depthwise-filter-gradient.ts";
import { planConvolution } from "./plan-convolution.ts";
import { planFilterGradient } from "./plan-filter-gradient.ts";
import { planInputGradient } from "./plan-input-gradient.ts";
import { planLoops } from "./plan-loops.ts";
import { planBiasSums, planCombine, planGatherGradient, planNormGradient } from "./plan-rows.ts";
import { planProduct } from "./plan-product.ts";
import type { PackedStages, ParallelStage, Site } from "./stage.ts";

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
    const { once, stages, host } = planKernel({ ...place, groupSize }, kernel);
    // Weights that may change are packed in each run.
    const packs = once !== undefined && !lasting(kernel);
    return {
      ...scheduled,
      once: packs ? [] : (once ?? []),
      stages: packs ? [once, ...stages] : stages,
      host,
    };
  });
}

/** How a kernel is run: by generated code, or by a loop of the calling thread. */
interface KernelPlan {
  /** The packing of weights that stages use; undefined where there is none. */
  readonly once?: ParallelStage | undefined;
  readonly stages: readonly ParallelStage[];
  readonly host?: PlannedKernel["host"];
}

function planKernel(site: Site, kernel: Kernel): KernelPlan {
  switch (kernel.kind) {
    case "convolve":
      return packed(planConvolution(site, kernel));
    case "input-gradient":
      return packed(planInputGradient(site, kernel));
    case "filter-gradient":
      return { stages: planFilterGradient(site, kernel) };
    case "depthwise":
      return { stages: [planDepthwise(site, kernel)] };
    case "depthwise-input-gradient":
      return { stages: [planDepthwiseInputGradient(site, kernel)] };
    case "depthwise-filter-gradient":
      return { stages: planDepthwiseFilterGradient(site, kernel) };
    case "bias-gradient":
      return {
        stages: planBiasSums(site, kernel),
        host: ({ floats, groups }) => biasSums(floats, kernel, groups),
      };
    case "combine":
      return { stages: planCombine(site, kernel) };
    case "gather-gradient":
      return { stages: planGatherGradient(site, kernel) };
    case "norm-gradient":
      return { stages: planNormGradient(site, kernel) };
    case "loops":
      return { stages: planLoops(site, kernel) };
    case "product":
      return { stages: planProduct(site, kernel) };
    case "norm-statistics":
      return onHost(({ floats, groups }) => normStatistics(floats, kernel, groups));
    case "norm-gradient-factors":
      return onHost(({ floats, groups }) => normGradientFactors(floats, kernel, groups));
    case "running-norm":
      return onHost(({ floats }) => runningNorm(floats, kernel));
    case "pool":
      return onHost(({ floats, groups }) => pool(floats, kernel, groups));
    case "linear":
      return onHost(({ floats }) => linear(floats, kernel));
    case "linear-gradient":
      return onHost(({ floats }) => linearGradient(floats, kernel));
    case "loss":
      return onHost((state) => {
        state.totals = loss(state.floats, kernel, state.groups, state.target!, state.totals);
      });
    case "perturb":
      return onHost(({ floats, groups, perturbation }) => {
        perturb(floats, kernel, groups, perturbation!);
      });
    case "collect-ascent":
      return onHost(({ floats, groups, perturbation }) => {
        collectAscent(floats, kernel, groups, perturbation!);
      });
    case "head":
      throw new Error("a fused head was compiled for a backend that asks for none");
    default:
      return kernel satisfies never;
  }
}

function packed({ packing, convolving }: PackedStages): KernelPlan {
  return { once: packing.length > 0 ? packing : undefined, stages: [convolving] };
}

function onHost(host: NonNullable<PlannedKernel["host"]>): KernelPlan {
  return { stages: [], host };
}
