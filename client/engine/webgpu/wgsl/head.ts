import type { LinearGradientKernel, LinearKernel, PoolKernel } from "../../program/kernels/head.ts";
import {
  allChannels,
  applyAffine,
  declareAffine,
  loadQuad,
  quadsOf,
  readingOf,
  scalarAt,
  storeQuad,
  wideRegions,
} from "./channels.ts";
import { ShaderWriter, type Dispatch } from "./shader.ts";

const THREADS = 64;

/** Mean over an image's positions. */
export function poolDispatch(kernel: PoolKernel, groupSize: number): Dispatch {
  const { images, positions, channels, x, y } = kernel;
  const shader = new ShaderWriter(wideRegions([x.values, x.affine?.coefficients, y], channels));
  const reading = readingOf(shader, "x", x);
  const target = shader.operand("y", y);
  const run = allChannels(channels);
  const quads = quadsOf(channels);
  const total = shader.place("total", images * quads);
  const stored = loadQuad(reading.values, run, `image * ${positions}u + position`, "quad");
  return shader.dispatch(
    "pool",
    [THREADS, 1],
    [Math.ceil((images * quads) / THREADS), 1, 1],
    images * positions * channels,
    `
let index = group.x * ${THREADS}u + lane;
if (index < ${total}) {
  let image = index / ${quads}u;
  let quad = index % ${quads}u;
  let norm_group = image / ${groupSize}u;
  ${declareAffine("x", reading, run, "norm_group", "quad")}
  var sum = vec4f();
  for (var position = 0u; position < ${positions}u; position++) {
    sum += ${applyAffine("x", reading, stored)};
  }
  let mean = sum / ${positions}.0;
  ${storeQuad(target, run, "image", "quad", "mean")}
}`,
  );
}

/** y = x·Wᵀ + b, one invocation to an output. */
export function linearDispatch(kernel: LinearKernel): Dispatch {
  const { images, inputs, outputs } = kernel;
  const inFours = inputs % 4 === 0;
  const shader = new ShaderWriter(inFours ? wideRegions([kernel.weight, kernel.bias], inputs) : []);
  const x = shader.operand("x", kernel.x);
  const weight = shader.operand("weight", kernel.weight);
  const bias = shader.operand("bias", kernel.bias);
  const y = shader.operand("y", kernel.y);
  const total = shader.place("total", images * outputs);
  const run = allChannels(inputs);
  return shader.dispatch(
    "linear",
    [THREADS, 1],
    [Math.ceil((images * outputs) / THREADS), 1, 1],
    images * inputs * outputs,
    `
let index = group.x * ${THREADS}u + lane;
if (index < ${total}) {
  let image = index / ${outputs}u;
  let output = index % ${outputs}u;
  var sum = vec4f();
  for (var quad = 0u; quad < ${quadsOf(inputs)}u; quad++) {
    sum += ${loadQuad(x, run, "image", "quad")} * ${loadQuad(weight, run, "output", "quad")};
  }
  ${scalarAt(y, "index")} = (sum.x + sum.y) + (sum.z + sum.w) + ${scalarAt(bias, "output")};
}`,
  );
}

/**
 * dW += dyᵀ·x and db += Σ dy, images in order: the cases of an `if` over `index`, whose first values
 * they take; and how many.
 */
export function parameterGradients(
  shader: ShaderWriter,
  kernel: Omit<LinearGradientKernel, "kind" | "weight" | "dx" | "parameters">,
  parameters: NonNullable<LinearGradientKernel["parameters"]>,
): { cases: string; count: number } {
  const { images, inputs, outputs } = kernel;
  const x = shader.operand("x", kernel.x);
  const dy = shader.operand("dy", kernel.dy);
  const dWeight = shader.operand("d_weight", parameters.dWeight);
  const dBias = shader.operand("d_bias", parameters.dBias);
  const end = shader.place("images", images);
  const weights = inputs * outputs;
  const count = weights + outputs;
  const cases = `if (index < ${weights}u) {
  let output = index / ${inputs}u;
  let input = index % ${inputs}u;
  var sum = ${scalarAt(dWeight, "index")};
  for (var image = 0u; image < ${end}; image++) {
    sum += ${scalarAt(dy, `image * ${outputs}u + output`)} * ${scalarAt(x, `image * ${inputs}u + input`)};
  }
  ${scalarAt(dWeight, "index")} = sum;
} else if (index < ${count}u) {
  let output = index - ${weights}u;
  var sum = ${scalarAt(dBias, "output")};
  for (var image = 0u; image < ${end}; image++) { sum += ${scalarAt(dy, `image * ${outputs}u + output`)}; }
  ${scalarAt(dBias, "output")} = sum;
}`;
  return { cases, count };
}

/** What is wanted of dW, db and dx, one invocation to each of their values. */
export function linearGradientDispatch(kernel: LinearGradientKernel): Dispatch {
  const { images, inputs, outputs, dx, parameters } = kernel;
  const shader = new ShaderWriter([]);
  const { cases, count: tail } = parameters
    ? parameterGradients(shader, kernel, parameters)
    : { cases: "if (false) {}", count: 0 };
  const weight = shader.operand("weight", kernel.weight);
  const dy = shader.operand("dy_of_image", kernel.dy);
  const dxTensor = dx && shader.operand("dx", dx);
  const weights = inputs * outputs;
  const total = tail + (dx ? images * inputs : 0);
  const limit = shader.place("total", total);
  return shader.dispatch(
    "linear-gradient",
    [THREADS, 1],
    [Math.ceil(total / THREADS), 1, 1],
    (Number(dx !== undefined) + Number(parameters !== undefined)) * images * weights,
    `
let index = group.x * ${THREADS}u + lane;
${cases}
${
  dxTensor
    ? `else if (index < ${limit}) {
  let place = index - ${tail}u;
  let image = place / ${inputs}u;
  let input = place % ${inputs}u;
  var sum = 0.0;
  for (var output = 0u; output < ${outputs}u; output++) {
    sum += ${scalarAt(dy, `image * ${outputs}u + output`)} * ${scalarAt(weight, `output * ${inputs}u + input`)};
  }
  ${scalarAt(dxTensor, "place")} = sum;
}`
    : ""
}`,
  );
}
