import type { ConvGeometry } from "../../program/kernels/convolution.ts";
import type { Tiling } from "../../program/tiling.ts";
import { inputGradientWalk, outputWalk } from "./plan-depthwise.ts";
import { bandParts } from "./row-bands.ts";
import { isRowProduct } from "./row-product.ts";
import { blockParts, channelSlices, RUN_ROWS } from "./stage.ts";

/** Tasks that a filter gradient should have at least, for threads to share. */
const FILTER_TASKS = 8;

function productParts(geometry: ConvGeometry, images: number, positions: number): number {
  return isRowProduct(geometry) ? blockParts(images * positions, 1) : blockParts(images, positions);
}

/** How this backend cuts sums. */
export const wasmTiling: Tiling = {
  convolveParts: (geometry, groupSize) => {
    const positions = geometry.outputHeight * geometry.outputWidth;
    return productParts(geometry, groupSize, positions);
  },
  inputGradientParts: (geometry, groupSize) =>
    productParts(geometry, groupSize, geometry.inputHeight * geometry.inputWidth),
  rowParts: (rows) => Math.ceil(rows / RUN_ROWS),
  filterParts: (geometry, groupSize) => {
    const { outputHeight, outputWidth, channelsOut } = geometry;
    const most = isRowProduct(geometry) ? groupSize * outputHeight * outputWidth : groupSize;
    return Math.min(most, Math.ceil(FILTER_TASKS / channelSlices(geometry, channelsOut)));
  },
  depthwise: {
    forwardParts: (geometry, cleanImages) => bandParts(outputWalk(geometry), cleanImages),
    inputGradientParts: (geometry, groupSize) => bandParts(inputGradientWalk(geometry), groupSize),
    filterParts: (_, groupSize) => Math.min(groupSize, FILTER_TASKS),
  },
};
