import type { BiasGradientKernel } from "../../program/kernels/bias.ts";
import type { NormGradientKernel } from "../../program/kernels/norm.ts";
import type { CombineKernel, GatherGradientKernel } from "../../program/kernels/rows.ts";
import { writeSpread } from "../code/flat-code.ts";
import { sameMemory } from "./finished-convolution.ts";
import {
  coefficientsOf,
  readerOf,
  rowPassCalls,
  type RowSpan,
  type RowWork,
} from "./plan-epilogue.ts";
import { FLOAT_BYTES } from "../code/register-tile.ts";
import { groupParts, RUN_ROWS, type Call, type ParallelStage, type Site } from "./stage.ts";

/** Values of a task: long enough to be worth handing out. */
const TASK_VALUES = 16384;

/** Rows of a kernel's memory: of all images, and of each norm group those that are not of copies. */
interface Rows {
  readonly rows: number;
  readonly channels: number;
  /** All of a norm group's when left out. */
  readonly cleanRows?: number | undefined;
}

/** Cuts the rows of each norm group into tasks of whole runs, those of copies by themselves. */
function rowTasks(
  site: Site,
  { rows, channels, cleanRows }: Rows,
  callsOf: (span: RowSpan, clean: boolean) => Call[],
): ParallelStage {
  const perGroup = rows / site.groups;
  const parts = groupParts(perGroup, cleanRows ?? perGroup);
  const length = RUN_ROWS * Math.max(1, Math.floor(TASK_VALUES / (RUN_ROWS * channels)));
  return Array.from({ length: site.groups }, (_, group) =>
    parts.flatMap(({ first: start, count, clean }) =>
      Array.from({ length: Math.ceil(count / length) }, (_unused, index) => {
        const first = index * length;
        const span = {
          group,
          row: group * perGroup + start + first,
          rows: Math.min(length, count - first),
          channels,
          column: 0,
          taken: channels,
          part: first / RUN_ROWS,
        };
        return callsOf(span, clean);
      }),
    ),
  ).flat();
}

/** y = f(x + addend), with channel sums. */
export function planCombine(site: Site, kernel: CombineKernel): ParallelStage[] {
  const { rows, channels, x, addend, activation, y, sums } = kernel;
  const of = { rows, channels, cleanRows: sums?.cleanRows };
  const stage = rowTasks(site, of, (span, clean) =>
    rowPassCalls(site, span, {
      source: site.address(x.values),
      reader: readerOf(x),
      sourceCoefficients: coefficientsOf(site, x.affine, span.group, channels),
      addend,
      activation,
      target: y && site.address(y),
      sums: clean ? sums : undefined,
    }),
  );
  return [stage];
}

/** dz = a·g + b·z + d; of copies a·g. */
export function planNormGradient(site: Site, kernel: NormGradientKernel): ParallelStage[] {
  const { channels, g, z, factors, dz } = kernel;
  const stage = rowTasks(site, kernel, (span, clean) =>
    rowPassCalls(site, span, {
      source: site.address(g),
      reader: clean ? "factors" : "slope",
      sourceCoefficients: site.address(factors) + span.group * 3 * channels * FLOAT_BYTES,
      factor: clean ? site.address(z) : undefined,
      target: site.address(dz),
    }),
  );
  return [stage];
}

/** Σ dy in runs, which the calling thread adds up. */
export function planBiasSums(site: Site, kernel: BiasGradientKernel): ParallelStage[] {
  const { rows, channels, dy, sums } = kernel;
  const work = { source: site.address(dy), sums };
  return [rowTasks(site, { rows, channels }, (span) => rowPassCalls(site, span, work))];
}

/** g = epilogue(dy); a broadcast gradient is spread over positions first. */
export function planGatherGradient(site: Site, kernel: GatherGradientKernel): ParallelStage[] {
  const { rows, channels, positions, dy, broadcast, g, epilogue } = kernel;
  const { activated, sums } = epilogue;
  const stages: ParallelStage[] = [];
  const accumulate = broadcast && sameMemory(g!, epilogue.addend);
  const addend = accumulate ? undefined : epilogue.addend;
  if (broadcast) {
    const shape = { channels, positions, accumulate };
    const code = site.library.code("spread", shape, 4, writeSpread);
    const rowBytes = channels * FLOAT_BYTES;
    const from = site.address(dy);
    const to = site.address(g!);
    stages.push(
      Array.from({ length: rows / positions }, (_, image) => [
        [code, from + image * rowBytes, to + image * positions * rowBytes, 1],
      ]),
    );
  }
  const work: RowWork = {
    source: site.address(broadcast ? g! : dy),
    addend: addend && { values: addend, affine: undefined },
    activated,
    target: g && site.address(g),
    sums: sums && { ...sums, z: site.address(sums.z) },
  };
  if (broadcast && !addend && !activated && !sums) return stages;
  stages.push(rowTasks(site, { rows, channels }, (span) => rowPassCalls(site, span, work)));
  return stages;
}
