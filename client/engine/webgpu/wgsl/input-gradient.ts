import type { ConvGeometry, InputGradientKernel } from "../../program/kernels/convolution.ts";
import { tapSteps, type TapSteps } from "../../program/kernels/residue-taps.ts";
import { groupChannels, storeQuad, wideRegions } from "./channels.ts";
import { gatherProduct } from "./gather-product.ts";
import {
  applyEpilogue,
  declareActivated,
  epilogueOf,
  epilogueOperands,
} from "./gradient-epilogue.ts";
import { classTiles } from "./parity.ts";
import { productPass } from "./product-pass.ts";
import { ShaderWriter, times, type Dispatch } from "./shader.ts";
import { tileParts, tileRows, type Tile } from "./tile.ts";

/**
 * dx through its epilogue. With a stride, input positions are worked on by the kernel rows and
 * columns they meet (`parity.ts`): dense products of different depth, all in one dispatch.
 */
export function inputGradientDispatch(
  kernel: InputGradientKernel,
  tile: Tile,
  groupSize: number,
): Dispatch {
  const { geometry, epilogue } = kernel;
  const { inputHeight, inputWidth, channelsIn, channelsOut, groups } = geometry;
  const { outputHeight, outputWidth, kernelHeight, kernelWidth, stride } = geometry;
  const [alongY, alongX] = [0, 1].map((axis) =>
    tapSteps(stride[axis]!, geometry.dilation[axis]!),
  ) as [TapSteps, TapSteps];
  const { tiles, declare } = classTiles(geometry, groupSize, tileRows(tile));
  const transposed = geometry.weightOrder === "out-in";
  const input = groupChannels(channelsOut, groups);
  const output = groupChannels(channelsIn, groups);

  const shader = new ShaderWriter([
    ...wideRegions([kernel.dy, kernel.dx, ...epilogueOperands(epilogue)], channelsIn, output.count),
    ...wideRegions([kernel.weight], ...(transposed ? [channelsIn] : [channelsOut, input.count])),
  ]);
  const dy = shader.operand("dy", kernel.dy);
  const weight = shader.operand("weight", kernel.weight);
  const dx = shader.operand("dx", kernel.dx);
  const shaderEpilogue = epilogueOf(shader, epilogue);

  const product = gatherProduct(shader, {
    tile,
    source: { values: dy, affine: undefined },
    sourceHeight: outputHeight,
    sourceWidth: outputWidth,
    sourceRun: input,
    place: `let image = norm_group * ${groupSize}u + m / class_positions;
let y = i32(m % class_positions / class_width) + origin_y;
let x = i32(m % class_width) + origin_x;`,
    openTaps: `for (var step = 0u; step < taps_y * taps_x; step++) {
let step_y = step / taps_x;
let step_x = step % taps_x;
let tap = (first_y + step_y * ${alongY.step}u) * ${kernelWidth}u + first_x + step_x * ${alongX.step}u;
let tap_y = ${times("-i32(step_y)", alongY.spread)};
let tap_x = ${times("-i32(step_x)", alongX.spread)};`,
    closeTaps: "}",
    weight,
    weightRun: transposed ? output : input,
    weightAlong: transposed ? "columns" : "terms",
  });

  const { sums } = shaderEpilogue;
  const area = outputHeight * outputWidth * kernelHeight * kernelWidth;
  return productPass(shader, {
    label: "input-gradient",
    tile,
    channelGroups: groups,
    output,
    rowTiles: tiles,
    normGroups: geometry.images / groupSize,
    rows: `${declare}
let class_positions = class_height * class_width;
let row_count = class_positions * ${groupSize}u;`,
    product,
    before: (c) => declareActivated(shaderEpilogue, `mask_${c}`, output, `quad_${c}`),
    position: `let image = norm_group * ${groupSize}u + m / class_positions;
let input_y = start_y + m % class_positions / class_width * ${stride[0]}u;
let input_x = start_x + m % class_width * ${stride[1]}u;
let position = (image * ${inputHeight}u + input_y) * ${inputWidth}u + input_x;`,
    finish: (c) => `
${applyEpilogue(shaderEpilogue, dx, `mask_${c}`, output, `quad_${c}`, [`first_sum_${c}`, `second_sum_${c}`])}
${storeQuad(dx, output, "position", `quad_${c}`, "value")}`,
    sums,
    cost: geometry.images * area * channelsIn * input.count,
  });
}

/** Partial sums of one norm group. */
export function inputGradientParts(geometry: ConvGeometry, tile: Tile, groupSize: number): number {
  return classTiles(geometry, groupSize, tileRows(tile)).tiles * tileParts(tile);
}
