import type { DepthwiseFilterGradientKernel } from "../../program/kernels/depthwise.ts";
import { forwardWalk, placesRead } from "../../program/kernels/window-taps.ts";
import { stored } from "../../program/program-writer.ts";
import {
  mostPositions,
  writeDepthwiseFilterSum,
  type DepthwiseFilterSum,
} from "../code/depthwise-filter-code.ts";
import { FLOAT_BYTES } from "../code/register-tile.ts";
import { PaddedRows } from "./padded-rows.ts";
import { summedParts } from "./plan-filter-gradient.ts";
import { columnTiles, outputWalk } from "./plan-depthwise.ts";
import { bandCut } from "./row-bands.ts";
import type { Call, ParallelStage, Site } from "./stage.ts";

/** Lines of the first-level cache that what is summed together may have. */
const MOST_LINES = 256;

/** dw += Σ over parts, each summed by a task of its own, band after band of rows. */
export function planDepthwiseFilterGradient(
  site: Site,
  kernel: DepthwiseFilterGradientKernel,
): ParallelStage[] {
  const { geometry, x, dy, dw, workspace } = kernel;
  const { vertical, horizontal, channels } = geometry;
  const walk = outputWalk(geometry);
  const input = new PaddedRows(site, x, walk);
  const gradients = new PaddedRows(site, stored(dy), {
    vertical: alone(vertical.output),
    horizontal: alone(horizontal.output),
    channels,
  });
  const { sourcePitch: gradientPitch, sourceRowPitch: gradientRowPitch } = gradients.pitches;
  const positions = mostPositions(vertical.kernel, horizontal.kernel);
  const shape: DepthwiseFilterSum = {
    channels,
    kernelHeight: vertical.kernel,
    kernelWidth: horizontal.kernel,
    stride: vertical.stride,
    dilation: vertical.dilation,
    columns: columnTiles(walk.horizontal, positions),
    ...input.pitches,
    gradientPitch,
    gradientRowPitch,
  };
  const code = site.library.code("depthwise-filter-sum", shape, 5, writeDepthwiseFilterSum);
  const bandRows = bandCut(walk).rows;
  const width = placesRead(walk.horizontal, positions);
  const mostRows = Math.floor(MOST_LINES / (vertical.stride * width + positions));
  return summedParts(site, kernel, ({ group, first, end }, total) => {
    const calls: Call[] = workspace ? [clearing(site, total, dw.length)] : [];
    for (let image = first; image < end; image++) {
      for (let band = 0; band < vertical.output; band += bandRows) {
        const bandEnd = Math.min(vertical.output, band + bandRows);
        const at = input.bytes(bandEnd - band);
        const place = { group, image };
        calls.push(input.call(place, band, bandEnd - band));
        calls.push(gradients.call(place, band, bandEnd - band, at));
        const rows = Math.max(1, mostRows);
        for (let row = 0; row < bandEnd - band; row += rows) {
          calls.push([
            code,
            row * vertical.stride * input.pitches.sourceRowPitch,
            at + row * gradientRowPitch,
            total,
            Math.min(rows, bandEnd - band - row),
          ]);
        }
      }
    }
    return [calls];
  });
}

/** Each position reads itself. */
function alone(size: number) {
  const axis = { input: size, output: size, kernel: 1, stride: 1, dilation: 1, before: 0 };
  return forwardWalk(axis);
}

/** The call that zeroes some floats. */
function clearing(site: Site, address: number, length: number): Call {
  const code = site.library.code("clearing", length, 2, (writer) => {
    writer.clear(writer.parameters[1]!, 0, length * FLOAT_BYTES);
  });
  return [code, address];
}
