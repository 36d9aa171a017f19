import type { Tiling } from "../../program/tiling.ts";
import { inputGradientWalk, outputWalk } from "./plan-depthwise.ts";
import { bandParts } from "./row-bands.ts";
import { blockParts, channelSlices, RUN_ROWS } from "./stage.ts";

/** Tasks that a filter gradient should have at least, for threads to share. */
const FILTER_TASKS = 8;

/** How this backend cuts sums. */
export const wasmTiling: Tiling = {
  convolveParts: ({ outputHeight, outputWidth }, groupSize) =>
    blockParts(groupSize, outputHeight * outputWidth),
  inputGradientParts: ({ inputHeight, inputWidth }, groupSize) =>
    blockParts(groupSize, inputHeight * inputWidth),
  rowParts: (rows) => Math.ceil(rows / RUN_ROWS),
  filterParts: (geometry, groupSize) =>
    Math.min(groupSize, Math.ceil(FILTER_TASKS / channelSlices(geometry, geometry.channelsOut))),
  depthwise: {
    forwardParts: (geometry, cleanImages) => bandParts(outputWalk(geometry), cleanImages),
    inputGradientParts: (geometry, groupSize) => bandParts(inputGradientWalk(geometry), groupSize),
    filterParts: (_, groupSize) => Math.min(groupSize, FILTER_TASKS),
  },
};
