import type { Operand, Reading } from "../../program/operands.ts";
import type {
  DepthwiseGeometry,
  DepthwiseInputGradientKernel,
  DepthwiseKernel,
} from "../../program/kernels/depthwise.ts";
import {
  forwardWalk,
  gradientWalk,
  tapsOf,
  type AxisWalk,
} from "../../program/kernels/window-taps.ts";
import { stored } from "../../program/program-writer.ts";
import {
  mostResults,
  writeDepthwiseRows,
  type ColumnTiles,
  type DepthwiseRows,
} from "../code/depthwise-code.ts";
import { FLOAT_BYTES, tileRuns } from "../code/register-tile.ts";
import { Finisher, type Finishing } from "./finished-convolution.ts";
import { PaddedRows } from "./padded-rows.ts";
import { rowBands, type RowBand, type WindowWalk } from "./row-bands.ts";
import type { Call, ParallelStage, Site, Task } from "./stage.ts";

/** Where each output is read from. */
export function outputWalk({ vertical, horizontal, channels }: DepthwiseGeometry): WindowWalk {
  return { vertical: forwardWalk(vertical), horizontal: forwardWalk(horizontal), channels };
}

/** Where each input's gradient is read from. */
export function inputGradientWalk(geometry: DepthwiseGeometry): WindowWalk {
  const { vertical, horizontal, channels } = geometry;
  return { vertical: gradientWalk(vertical), horizontal: gradientWalk(horizontal), channels };
}

/** y = f(conv(x) + bias + addend) with channel sums, band after band of rows. */
export function planDepthwise(site: Site, kernel: DepthwiseKernel): ParallelStage {
  const { geometry, x, weight, y, addend, bias, activation, sums } = kernel;
  const walk = outputWalk(geometry);
  const { horizontal, vertical } = geometry;
  const positions = vertical.output * horizontal.output;
  return windowTasks(
    site,
    { walk, source: x, weight, kernelWidth: horizontal.kernel },
    {
      output: y,
      positions,
      channels: geometry.channels,
      addend,
      bias: bias && site.address(bias),
      activation,
      sums,
      cleanImages: sums && sums.cleanRows / positions,
    },
  );
}

/** dx = epilogue(gradient of a depthwise convolution's input), likewise. */
export function planDepthwiseInputGradient(
  site: Site,
  kernel: DepthwiseInputGradientKernel,
): ParallelStage {
  const { geometry, dy, weight, dx, epilogue } = kernel;
  const { addend, activated, sums } = epilogue;
  const walk = inputGradientWalk(geometry);
  const { horizontal, vertical } = geometry;
  const problem = { walk, source: stored(dy), weight, kernelWidth: horizontal.kernel };
  return windowTasks(site, problem, {
    output: dx,
    positions: vertical.input * horizontal.input,
    channels: geometry.channels,
    addend,
    activated,
    sums: sums && { ...sums, z: site.address(sums.z) },
  });
}

interface WindowProblem {
  readonly walk: WindowWalk;
  readonly source: Reading;
  /** `[kh, kw, 1, C]` */
  readonly weight: Operand;
  readonly kernelWidth: number;
}

function windowTasks(site: Site, problem: WindowProblem, finishing: Finishing): ParallelStage {
  const { walk, source, weight, kernelWidth } = problem;
  const { vertical, horizontal, channels } = walk;
  const finisher = new Finisher(site, finishing);
  const input = new PaddedRows(site, source, walk);
  const rowPitch = horizontal.results * channels * FLOAT_BYTES;
  const whole: Omit<DepthwiseRows, "periods" | "rest"> = {
    channels,
    kernelWidth,
    rows: fromFirst(vertical, vertical.period),
    rowAdvance: vertical.advance,
    columns: columnTiles(horizontal, mostResults(kernelWidth)),
    ...input.pitches,
    rowPitch,
    accumulate: finisher.accumulates,
  };
  const convolving = ({ group, image, count, row, rows }: RowBand): Call[] => {
    const { period } = vertical;
    const shape = { ...whole, periods: Math.floor(rows / period), rest: rows % period };
    const code = site.library.code("depthwise-rows", shape, 3, writeDepthwiseRows);
    return Array.from({ length: count }, (_, i): Call[] => {
      const at = (image + i) * vertical.results + row;
      return [
        input.call({ group, image: image + i }, row, rows),
        [code, site.address(weight), site.address(finishing.output) + at * rowPitch],
      ];
    }).flat();
  };
  return rowBands(site, walk, finishing.cleanImages ?? site.groupSize).map((band): Task => {
    const { group, image, count, row, rows, part, clean } = band;
    const first = (image * vertical.results + row) * horizontal.results;
    const span = {
      group,
      row: first,
      rows: count * rows * horizontal.results,
      channels,
      column: 0,
      taken: channels,
      part,
    };
    return convolving(band).concat(finisher.calls(span, clean));
  });
}

/** A row of results cut into tiles of nearly equal width, `most` results at most where a run allows. */
export function columnTiles(axis: AxisWalk, most: number): ColumnTiles[] {
  const { results, period } = axis;
  const whole = Math.floor(results / period);
  const runs = whole === 0 ? [] : tileRuns(whole, Math.max(1, Math.floor(most / period)));
  const tiles = runs.map(({ height, count }) => ({
    taps: fromFirst(axis, height * period),
    count,
    advance: height * axis.advance,
  }));
  const rest = results % period;
  return rest === 0 ? tiles : [...tiles, { taps: fromFirst(axis, rest), count: 1, advance: 0 }];
}

/** What results read, counted from the first place that any of a run reads. */
function fromFirst(axis: AxisWalk, count: number): ColumnTiles["taps"] {
  return tapsOf(axis, count).map((taps) =>
    taps.map(({ from, tap }) => ({ from: from - axis.first, tap })),
  );
}
