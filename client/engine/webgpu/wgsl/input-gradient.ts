import type { ConvGeometry, InputGradientKernel } from "../../program/kernels/convolution.ts";
import { groupChannels, storeQuad, wideRegions } from "./channels.ts";
import { gatherProduct } from "./gather-product.ts";
import {
  applyEpilogue,
  declareActivated,
  epilogueOf,
  epilogueOperands,
} from "./gradient-epilogue.ts";
import { parityClasses, type ParityClass } from "./parity.ts";
import { productPass } from "./product-pass.ts";
import { ShaderWriter, type Dispatch } from "./shader.ts";
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
  const input = groupChannels(channelsOut, groups);
  const output = groupChannels(channelsIn, groups);

  const shader = new ShaderWriter([
    ...wideRegions([kernel.dy, kernel.dx, ...epilogueOperands(epilogue)], channelsIn, output.count),
    ...wideRegions([kernel.weight], channelsOut, input.count),
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
let tap = (first_y + step_y * ${stride}u) * ${kernelWidth}u + first_x + step_x * ${stride}u;
let tap_y = -i32(step_y);
let tap_x = -i32(step_x);`,
    closeTaps: "}",
    weight,
    weightRun: input,
    weightAlong: "terms",
  });

  const { sums } = shaderEpilogue;
  const area = outputHeight * outputWidth * kernelHeight * kernelWidth;
  return productPass(shader, {
    label: "input-gradient",
    tile,
    channelGroups: groups,
    output,
    rowTiles: rowTiles(geometry, tile, groupSize),
    normGroups: geometry.images / groupSize,
    rows: `${declareClass(parityClasses(geometry, groupSize), tile)}
let class_positions = class_height * class_width;
let row_count = class_positions * ${groupSize}u;`,
    product,
    before: (c) => declareActivated(shaderEpilogue, `mask_${c}`, output, `quad_${c}`),
    position: `let image = norm_group * ${groupSize}u + m / class_positions;
let input_y = start_y + m % class_positions / class_width * ${stride}u;
let input_x = start_x + m % class_width * ${stride}u;
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
  return rowTiles(geometry, tile, groupSize) * tileParts(tile);
}

function rowTiles(geometry: ConvGeometry, tile: Tile, groupSize: number): number {
  return parityClasses(geometry, groupSize).reduce(
    (tiles, { rows }) => tiles + Math.ceil(rows / tileRows(tile)),
    0,
  );
}

/** Statements: what the workgroup's class of positions is, and its first row in it. */
function declareClass(classes: readonly ParityClass[], tile: Tile): string {
  const declare = ({ y, x }: ParityClass, firstTile: number): Record<string, string> => ({
    first_row: `(group.y - ${firstTile}u) * ${tileRows(tile)}u`,
    class_height: `${y.count}u`,
    class_width: `${x.count}u`,
    start_y: `${y.start}u`,
    start_x: `${x.start}u`,
    first_y: `${y.first}u`,
    first_x: `${x.first}u`,
    taps_y: `${y.taps}u`,
    taps_x: `${x.taps}u`,
    origin_y: `${y.origin}i`,
    origin_x: `${x.origin}i`,
  });
  let firstTile = 0;
  const found = classes.map((one) => {
    const names = declare(one, firstTile);
    firstTile += Math.ceil(one.rows / tileRows(tile));
    return { names, end: firstTile };
  });
  const last = found.at(-1)!;
  if (found.length === 1) {
    return Object.entries(last.names)
      .map(([name, value]) => `let ${name} = ${value};`)
      .join("\n");
  }
  const start = Object.entries(last.names).map(([name, value]) => `var ${name} = ${value};`);
  const choices = found.slice(0, -1).map(({ names, end }) => {
    const set = Object.entries(names).map(([name, value]) => `${name} = ${value};`);
    return `if (group.y < ${end}u) { ${set.join(" ")} }`;
  });
  return `${start.join("\n")}\n${choices.join(" else ")}`;
}
