import type { DepthwiseFilterGradientKernel } from "../../program/kernels/depthwise.ts";
import {
  mostPositions,
  writeDepthwiseFilterSum,
  type DepthwiseFilterSum,
} from "../code/depthwise-filter-code.ts";
import { FLOAT_BYTES } from "../code/register-tile.ts";
import { PaddedRows } from "./padded-rows.ts";
import { BLOCK_POSITIONS, summedParts } from "./plan-filter-gradient.ts";
import { columnTiles, outputWalk } from "./plan-depthwise.ts";
import { bandCut } from "./row-bands.ts";
import type { Call, ParallelStage, Site } from "./stage.ts";

/** dw += Σ over parts, each summed by a task of its own, band after band of rows. */
export function planDepthwiseFilterGradient(
  site: Site,
  kernel: DepthwiseFilterGradientKernel,
): ParallelStage[] {
  const { geometry, x, dy, workspace } = kernel;
  const { vertical, horizontal, channels } = geometry;
  const walk = outputWalk(geometry);
  const input = new PaddedRows(site, x, walk);
  const { sourceRowPitch } = input.pitches;
  const rowPitch = horizontal.output * channels * FLOAT_BYTES;
  const bandRows = bandCut(walk).rows;
  const rows = Math.max(1, Math.floor(BLOCK_POSITIONS / horizontal.output));
  const sumCode = (accumulate: boolean): number => {
    const shape: DepthwiseFilterSum = {
      channels,
      kernelHeight: vertical.kernel,
      kernelWidth: horizontal.kernel,
      stride: vertical.stride,
      dilation: vertical.dilation,
      columns: columnTiles(walk.horizontal, mostPositions(vertical.kernel, horizontal.kernel)),
      ...input.pitches,
      rowPitch,
      accumulate,
    };
    return site.library.code("depthwise-filter-sum", shape, 5, writeDepthwiseFilterSum);
  };
  return summedParts(site, kernel, ({ group, first, end }, gradient) => {
    const calls: Call[] = [];
    let accumulate = workspace === undefined;
    for (let image = first; image < end; image++) {
      for (let band = 0; band < vertical.output; band += bandRows) {
        const bandEnd = Math.min(vertical.output, band + bandRows);
        calls.push(input.call(group, image, band, bandEnd - band));
        for (let row = band; row < bandEnd; row += rows) {
          calls.push([
            sumCode(accumulate),
            (row - band) * vertical.stride * sourceRowPitch,
            site.address(dy) + (image * vertical.output + row) * rowPitch,
            gradient,
            Math.min(rows, bandEnd - row),
          ]);
          accumulate = true;
        }
      }
    }
    return [calls];
  });
}
