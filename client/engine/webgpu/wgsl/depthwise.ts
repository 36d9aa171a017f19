import type {
  DepthwiseGeometry,
  DepthwiseInputGradientKernel,
  DepthwiseKernel,
} from "../../program/kernels/depthwise.ts";
import { forwardWalk, gradientWalk, type AxisWalk } from "../../program/kernels/window-taps.ts";
import {
  activateVariable,
  allChannels,
  declareAffine,
  loadQuad,
  readingOf,
  roundTo,
  storeQuad,
  wideRegions,
  type ShaderReading,
} from "./channels.ts";
import type { Cooperation } from "./cooperation.ts";
import { rowRuns } from "./cooperation.ts";
import {
  applyEpilogue,
  declareActivated,
  epilogueOf,
  epilogueOperands,
} from "./gradient-epilogue.ts";
import { rowwise, type RowSums } from "./rowwise.ts";
import { ShaderWriter, unroll, type Dispatch, type Tensor } from "./shader.ts";
import { declarePlace, eachProduct, stripsOf, withStrips, type Strips } from "./strips.ts";

/**
 * A depthwise convolution, or its input gradient: an invocation gives a strip of neighbouring results
 * of one quad of channels, and loads once what several of them read.
 */
interface WindowPass {
  readonly label: string;
  readonly geometry: DepthwiseGeometry;
  readonly groupSize: number;
  readonly cooperation: Cooperation;
  readonly strips: Strips;
  /** Rows of what is read. */
  readonly sourceRows: number;
  readonly horizontal: AxisWalk;
  readonly source: ShaderReading;
  readonly weight: Tensor;
  /** Statements: `y` (i32), the row that a strip's `row` reads through tap `tap_y` (i32). */
  readonly sourceRow: string;
  /** An expression: whether it reads one; always when left out. */
  readonly reads?: string | undefined;
  /** Statements: what depends on `norm_group` and `quad` only. */
  readonly before: string;
  /** Statements for `value` at `position`; adds to `first` and `second` where sums are wanted. */
  readonly finish: string;
  readonly sums: RowSums | undefined;
}

function windowPass(shader: ShaderWriter, pass: WindowPass): Dispatch {
  const { geometry, groupSize, strips, horizontal, source, weight, reads } = pass;
  const { images, channels, vertical } = geometry;
  const kernelWidth = geometry.horizontal.kernel;
  const run = allChannels(channels);
  const products = eachProduct(horizontal, strips.length, {
    source,
    run,
    line: "line",
    each: (result, tap) => `sum_${result} += value * weight_${tap};`,
  });
  const results = unroll(
    strips.length,
    (i) => `if (across + ${i}u < ${strips.width}u) {
let position = first_position + ${i}u;
var value = sum_${i};
${pass.finish}
}`,
  );
  return rowwise(shader, {
    label: pass.label,
    rows: images * strips.ofImage,
    channels,
    normGroups: images / groupSize,
    cooperation: withStrips(pass.cooperation, strips),
    before: `${declareAffine("source", source, run, "norm_group", "quad")}\n${pass.before}`,
    each: `${declarePlace(strips, "position")}
let first_position = (image * ${strips.rows}u + row) * ${strips.width}u + across;
let start = i32(across / ${horizontal.period}u) * ${horizontal.advance};
${unroll(strips.length, (i) => `var sum_${i} = vec4f();`)}
for (var tap_y = 0i; tap_y < ${vertical.kernel}; tap_y++) {
  ${pass.sourceRow}
  if (${reads ? `${reads} && ` : ""}y >= 0 && y < ${pass.sourceRows}) {
    let line = (i32(image) * ${pass.sourceRows} + y) * ${horizontal.source};
    ${unroll(kernelWidth, (k) => `let weight_${k} = ${loadQuad(weight, run, `u32(tap_y) * ${kernelWidth}u + ${k}u`, "quad")};`)}
    ${products}
  }
}
${results}`,
    sums: pass.sums,
    cost: images * strips.ofImage * strips.length * channels * vertical.kernel * kernelWidth,
  });
}

/** y = f(conv(x) + bias + addend), and Σy, Σy² over clean rows. */
export function depthwiseDispatch(
  kernel: DepthwiseKernel,
  groupSize: number,
  cooperation: Cooperation,
): Dispatch {
  const { geometry, x, bias, addend, activation, sums } = kernel;
  const { channels, vertical, horizontal } = geometry;
  const run = allChannels(channels);
  const inArena = [x.values, x.affine?.coefficients, kernel.y, addend, sums?.operand];
  const shader = new ShaderWriter([
    ...wideRegions(inArena, channels),
    ...wideRegions([kernel.weight, bias], channels),
  ]);
  const source = readingOf(shader, "x", x);
  const weight = shader.operand("weight", kernel.weight);
  const y = shader.operand("y", kernel.y);
  const biasTensor = bias && shader.operand("bias", bias);
  const addendTensor = addend && shader.operand("addend", addend);
  const sumsTensor = sums && shader.operand("sums", sums.operand);
  const strips = outputStrips(geometry);
  const cleanImages = sums && sums.cleanRows / (vertical.output * horizontal.output);
  const sum = "first += value; second += value * value;";
  const summed =
    cleanImages !== undefined && cleanImages < groupSize
      ? `if (image % ${groupSize}u < ${cleanImages}u) { ${sum} }`
      : sum;
  return windowPass(shader, {
    label: "depthwise",
    geometry,
    groupSize,
    cooperation,
    strips,
    sourceRows: vertical.input,
    horizontal: forwardWalk(horizontal),
    source,
    weight,
    sourceRow: `let y = i32(row) * ${vertical.stride} - ${vertical.before} + tap_y * ${vertical.dilation};`,
    before: biasTensor ? `let bias_quad = ${loadQuad(biasTensor, run, "0u", "quad")};` : "",
    finish: `${biasTensor ? "value += bias_quad;" : ""}
${addendTensor ? `value += ${loadQuad(addendTensor, run, "position", "quad")};` : ""}
${activateVariable(shader, activation, "value")}
${sumsTensor ? roundTo(y, "value") : ""}
${storeQuad(y, run, "position", "quad", "value")}
${sumsTensor ? summed : ""}`,
    sums: sumsTensor && { out: sumsTensor, rows: cleanImages! * strips.ofImage },
  });
}

/** dx through its epilogue. */
export function depthwiseInputGradientDispatch(
  kernel: DepthwiseInputGradientKernel,
  groupSize: number,
  cooperation: Cooperation,
): Dispatch {
  const { geometry, epilogue } = kernel;
  const { channels, vertical, horizontal } = geometry;
  const run = allChannels(channels);
  const shader = new ShaderWriter([
    ...wideRegions([kernel.dy, kernel.dx, ...epilogueOperands(epilogue)], channels),
    ...wideRegions([kernel.weight], channels),
  ]);
  const dy = shader.operand("dy", kernel.dy);
  const weight = shader.operand("weight", kernel.weight);
  const dx = shader.operand("dx", kernel.dx);
  const shaderEpilogue = epilogueOf(shader, epilogue);
  return windowPass(shader, {
    label: "depthwise-input-gradient",
    geometry,
    groupSize,
    cooperation,
    strips: inputStrips(geometry),
    sourceRows: vertical.output,
    horizontal: gradientWalk(horizontal),
    source: { values: dy, affine: undefined },
    weight,
    sourceRow: `let met = i32(row) + ${vertical.before} - tap_y * ${vertical.dilation};
  let y = met / ${vertical.stride};`,
    reads: vertical.stride > 1 ? `met % ${vertical.stride} == 0` : undefined,
    before: declareActivated(shaderEpilogue, "mask", run, "quad"),
    finish: `${applyEpilogue(shaderEpilogue, dx, "mask", run, "quad", ["first", "second"])}
${storeQuad(dx, run, "position", "quad", "value")}`,
    sums: shaderEpilogue.sums,
  });
}

function outputStrips({ vertical, horizontal }: DepthwiseGeometry): Strips {
  return stripsOf(vertical.output, horizontal.output, 1);
}

function inputStrips({ vertical, horizontal }: DepthwiseGeometry): Strips {
  return stripsOf(vertical.input, horizontal.input, horizontal.stride);
}

/** Partial sums of some images of a norm group. */
export function depthwiseParts(
  geometry: DepthwiseGeometry,
  images: number,
  cooperation: Cooperation,
): number {
  return partsOf(outputStrips(geometry), geometry, images, cooperation);
}

/** Partial sums of one norm group. */
export function depthwiseInputGradientParts(
  geometry: DepthwiseGeometry,
  groupSize: number,
  cooperation: Cooperation,
): number {
  return partsOf(inputStrips(geometry), geometry, groupSize, cooperation);
}

function partsOf(
  strips: Strips,
  { channels }: DepthwiseGeometry,
  images: number,
  cooperation: Cooperation,
): number {
  return rowRuns(images * strips.ofImage, channels, withStrips(cooperation, strips));
}
