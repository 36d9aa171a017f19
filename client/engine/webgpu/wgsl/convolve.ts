import type { ConvolveKernel } from "../../program/program.ts";
import { loadQuad, readingOf, storeQuad, wideRegions } from "./channels.ts";
import { gatherProduct } from "./gather-product.ts";
import { ShaderWriter, unroll, type Dispatch } from "./shader.ts";
import {
  declareSums,
  declareThread,
  eachRow,
  quadOf,
  reduceChannelSums,
  tileColumns,
  tileParts,
  tileRows,
  tileThreads,
  type Tile,
} from "./tile.ts";

/** y = relu?(conv(x) + bias + addend), and Σy, Σy² of each tile of rows. */
export function convolveDispatch(kernel: ConvolveKernel, tile: Tile, groupSize: number): Dispatch {
  const { geometry, bias, addend, relu, sums } = kernel;
  const { inputHeight, inputWidth, channelsIn, channelsOut, groups } = geometry;
  const { outputHeight, outputWidth, kernelHeight, kernelWidth, stride, padding } = geometry;
  const positions = outputHeight * outputWidth;
  const rowCount = groupSize * positions;
  const tiles = Math.ceil(rowCount / tileRows(tile));
  const columns = channelsOut / groups;
  const columnTiles = Math.ceil(columns / tileColumns(tile));
  const terms = channelsIn / groups;

  const inArena = [kernel.x.values, kernel.x.affine?.coefficients, kernel.y, addend, sums?.operand];
  const shader = new ShaderWriter([
    ...wideRegions(inArena, channelsOut, columns),
    ...wideRegions([kernel.weight, bias], channelsOut, columns),
  ]);
  const source = readingOf(shader, "x", kernel.x);
  const weight = shader.operand("weight", kernel.weight);
  const y = shader.operand("y", kernel.y);
  const biasTensor = bias && shader.operand("bias", bias);
  const addendTensor = addend && shader.operand("addend", addend);
  const sumsTensor = sums && shader.operand("sums", sums.operand);
  const output = { stride: channelsOut, count: columns, first: `channel_group * ${columns}u` };

  const product = gatherProduct(shader, {
    tile,
    source,
    sourceHeight: inputHeight,
    sourceWidth: inputWidth,
    sourceRun: { stride: channelsIn, count: terms, first: `channel_group * ${terms}u` },
    place: `let image = norm_group * ${groupSize}u + m / ${positions}u;
let y = i32(m % ${positions}u / ${outputWidth}u) * ${stride} - ${padding};
let x = i32(m % ${outputWidth}u) * ${stride} - ${padding};`,
    openTaps: `for (var tap = 0u; tap < ${kernelHeight * kernelWidth}u; tap++) {
let tap_y = i32(tap / ${kernelWidth}u);
let tap_x = i32(tap % ${kernelWidth}u);`,
    closeTaps: "}",
    weight,
    weightRun: output,
    weightAlong: "columns",
  });

  const finish = (sum: string, c: number): string => `{
var value = ${sum};
${biasTensor ? `value += bias_${c};` : ""}
${addendTensor ? `value += ${loadQuad(addendTensor, output, "position", `quad_${c}`)};` : ""}
${relu ? "value = max(value, vec4f());" : ""}
${storeQuad(y, output, "position", `quad_${c}`, "value")}
${sumsTensor ? `first_sum_${c} += value; second_sum_${c} += value * value;` : ""}
}`;
  const ragged = columns % tileColumns(tile) !== 0;
  const body = `
let norm_group = group.z;
let channel_group = group.x / ${columnTiles}u;
let first_quad = group.x % ${columnTiles}u * ${tileColumns(tile) / 4}u;
let first_row = group.y * ${tileRows(tile)}u;
let row_count = ${rowCount}u;
${declareThread(tile)}
${declareSums(tile)}
${product}
${unroll(
  tile.quads,
  (c) => `let quad_${c} = first_quad + ${quadOf(tile, c)};
${biasTensor ? `let bias_${c} = ${loadQuad(biasTensor, output, "0u", `quad_${c}`)};` : ""}
${sumsTensor ? `var first_sum_${c} = vec4f(); var second_sum_${c} = vec4f();` : ""}`,
)}
${eachRow(
  tile,
  (row, sum) => `let m = first_row + ${row};
if (m < row_count) {
let position = norm_group * row_count + m;
${unroll(tile.quads, (c) => `${ragged ? `if (4u * quad_${c} < ${columns}u) ` : ""}${finish(sum(c), c)}`)}
}`,
)}
${
  sumsTensor
    ? reduceChannelSums(shader, tile, (part, quad, first, second) => {
        const row = `(norm_group * ${tiles * tileParts(tile)}u + ${part}) * 2u`;
        return `let quad = first_quad + ${quad};
if (4u * quad < ${columns}u) {
${storeQuad(sumsTensor, output, row, "quad", first)}
${storeQuad(sumsTensor, output, `${row} + 1u`, "quad", second)}
}`;
      })
    : ""
}`;
  const normGroups = geometry.images / groupSize;
  return shader.dispatch(
    "convolve",
    [tileThreads(tile), 1],
    [groups * columnTiles, tiles, normGroups],
    geometry.images * positions * channelsOut * terms * kernelHeight * kernelWidth,
    body,
  );
}

/** Partial sums of one norm group. */
export function convolveParts(
  { outputHeight, outputWidth }: ConvolveKernel["geometry"],
  tile: Tile,
  groupSize: number,
): number {
  return Math.ceil((groupSize * outputHeight * outputWidth) / tileRows(tile)) * tileParts(tile);
}
