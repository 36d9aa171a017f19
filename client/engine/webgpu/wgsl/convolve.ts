import type { ConvolveKernel } from "../../program/kernels/convolution.ts";
import {
  activateVariable,
  groupChannels,
  loadQuad,
  readingOf,
  roundTo,
  storeQuad,
  wideRegions,
} from "./channels.ts";
import { gatherProduct } from "./gather-product.ts";
import { productPass } from "./product-pass.ts";
import { ShaderWriter, times, type Dispatch } from "./shader.ts";
import { tileParts, tileRows, type Tile } from "./tile.ts";

/** y = f(conv(x) + bias + addend), and Σy, Σy² over the clean rows of each tile. */
export function convolveDispatch(kernel: ConvolveKernel, tile: Tile, groupSize: number): Dispatch {
  const { geometry, bias, addend, activation, sums } = kernel;
  const { inputHeight, inputWidth, channelsIn, channelsOut, groups } = geometry;
  const { outputHeight, outputWidth, kernelHeight, kernelWidth } = geometry;
  const { stride, padding, dilation } = geometry;
  const transposed = geometry.weightOrder === "out-in";
  const positions = outputHeight * outputWidth;
  const rowCount = groupSize * positions;
  const input = groupChannels(channelsIn, groups);
  const output = groupChannels(channelsOut, groups);

  const inArena = [kernel.x.values, kernel.x.affine?.coefficients, kernel.y, addend, sums?.operand];
  const shader = new ShaderWriter([
    ...wideRegions(inArena, channelsOut, output.count),
    ...wideRegions(
      [kernel.weight, bias],
      channelsOut,
      output.count,
      ...(transposed ? [channelsIn] : []),
    ),
  ]);
  const source = readingOf(shader, "x", kernel.x);
  const weight = shader.operand("weight", kernel.weight);
  const y = shader.operand("y", kernel.y);
  const biasTensor = bias && shader.operand("bias", bias);
  const addendTensor = addend && shader.operand("addend", addend);
  const sumsTensor = sums && shader.operand("sums", sums.operand);
  const cleanRows = sums?.cleanRows ?? rowCount;
  const counted = (statements: string): string =>
    cleanRows < rowCount ? `if (m < ${cleanRows}u) { ${statements} }` : statements;

  const product = gatherProduct(shader, {
    tile,
    source,
    sourceHeight: inputHeight,
    sourceWidth: inputWidth,
    sourceRun: input,
    place: `let image = norm_group * ${groupSize}u + m / ${positions}u;
let y = i32(m % ${positions}u / ${outputWidth}u) * ${stride[0]} - ${padding[0]};
let x = i32(m % ${outputWidth}u) * ${stride[1]} - ${padding[1]};`,
    openTaps: `for (var tap = 0u; tap < ${kernelHeight * kernelWidth}u; tap++) {
let tap_y = ${times(`i32(tap / ${kernelWidth}u)`, dilation[0])};
let tap_x = ${times(`i32(tap % ${kernelWidth}u)`, dilation[1])};`,
    closeTaps: "}",
    weight,
    weightRun: transposed ? input : output,
    weightAlong: transposed ? "terms" : "columns",
  });

  return productPass(shader, {
    label: "convolve",
    tile,
    channelGroups: groups,
    output,
    rowTiles: Math.ceil(rowCount / tileRows(tile)),
    normGroups: geometry.images / groupSize,
    rows: `let first_row = group.y * ${tileRows(tile)}u;
let row_count = ${rowCount}u;`,
    product,
    before: (c) =>
      biasTensor ? `let bias_${c} = ${loadQuad(biasTensor, output, "0u", `quad_${c}`)};` : "",
    position: "let position = norm_group * row_count + m;",
    finish: (c) => `
${biasTensor ? `value += bias_${c};` : ""}
${addendTensor ? `value += ${loadQuad(addendTensor, output, "position", `quad_${c}`)};` : ""}
${activateVariable(shader, activation, "value")}
${sumsTensor ? roundTo(y, "value") : ""}
${storeQuad(y, output, "position", `quad_${c}`, "value")}
${sumsTensor ? counted(`first_sum_${c} += value; second_sum_${c} += value * value;`) : ""}`,
    sums: sumsTensor && { out: sumsTensor, rowTiles: Math.ceil(cleanRows / tileRows(tile)) },
    cost: geometry.images * positions * channelsOut * input.count * kernelHeight * kernelWidth,
  });
}

/** Partial sums of one norm group. */
export function convolveParts(
  { outputHeight, outputWidth }: ConvolveKernel["geometry"],
  tile: Tile,
  cleanImages: number,
): number {
  return Math.ceil((cleanImages * outputHeight * outputWidth) / tileRows(tile)) * tileParts(tile);
}
