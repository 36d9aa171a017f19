import type {
  NormGradientFactorsKernel,
  NormStatisticsKernel,
  RunningNormKernel,
} from "../../program/kernels/norm.ts";
import type { Operand, PartialSums } from "../../program/operands.ts";
import { scalarAt } from "./channels.ts";
import type { Cooperation } from "./cooperation.ts";
import { flat } from "./flat.ts";
import { float } from "./float-literal.ts";
import { ShaderWriter, type Dispatch, type Tensor } from "./shader.ts";

/** From partial channel sums to what a batch norm needs; norm groups one after the other. */

/** Channels of a workgroup. */
const CHANNELS = 8;
interface ChannelReduction {
  readonly label: string;
  readonly channels: number;
  readonly sums: PartialSums;
  readonly sumsTensor: Tensor;
  readonly normGroups: number;
  readonly cooperation: Cooperation;
  /** Statements before the norm groups, for `channel`, by one invocation. */
  readonly before: string;
  /** Statements with the `first` and `second` sum of `norm_group`, by one invocation. */
  readonly each: string;
  /** Statements after the norm groups. */
  readonly after: string;
}

export function channelReduction(shader: ShaderWriter, reduction: ChannelReduction): Dispatch {
  const { label, channels, sums, sumsTensor, normGroups, before, each, after } = reduction;
  const { sharers } = reduction.cooperation;
  const { parts } = sums;
  if (sharers > 1) shader.shared("shares", `array<vec2f, ${CHANNELS * sharers}>`);
  const groups = shader.place("norm_groups", normGroups);
  const first = scalarAt(sumsTensor, `row * ${2 * channels}u + channel`);
  const second = scalarAt(sumsTensor, `row * ${2 * channels}u + ${channels}u + channel`);
  return shader.dispatch(
    label,
    [CHANNELS, sharers],
    [Math.ceil(channels / CHANNELS), 1, 1],
    sums.operand.length,
    `
let channel = group.x * ${CHANNELS}u + local.x;
let finishes = local.y == 0u && channel < ${channels}u;
${before}
for (var norm_group = 0u; norm_group < ${groups}; norm_group++) {
  var sum = vec2f();
  if (channel < ${channels}u) {
    // Compensated (Kahan 1965): a long plain sum loses digits, and with them some rectifiers.
    var lost = vec2f();
    for (var part = local.y; part < ${parts}u; part += ${sharers}u) {
      let row = norm_group * ${parts}u + part;
      let term = vec2f(${first}, ${second}) - lost;
      let next = sum + term;
      lost = (next - sum) - term;
      sum = next;
    }
  }
  ${
    sharers > 1
      ? `shares[lane] = sum;
  workgroupBarrier();
  if (finishes) {
    var total = vec2f();
    for (var sharer = 0u; sharer < ${sharers}u; sharer++) { total += shares[sharer * ${CHANNELS}u + local.x]; }
    ${each}
  }
  workgroupBarrier();`
      : `if (finishes) { let total = sum;
    ${each} }`
  }
}
${after}`,
  );
}

/** Scale and shift, mean and 1/√(σ²+ε); running statistics advance. */
export function normStatisticsDispatch(
  kernel: NormStatisticsKernel,
  normGroups: number,
  cooperation: Cooperation,
): Dispatch {
  const { channels, count, sums, running, epsilon, momentum } = kernel;
  const shader = new ShaderWriter([]);
  const sumsTensor = shader.operand("sums", sums.operand);
  const at = (name: string, operand: Operand): string =>
    scalarAt(shader.operand(name, operand), "channel");
  const gamma = kernel.gamma ? at("gamma", kernel.gamma) : "1.0";
  const beta = kernel.beta ? at("beta", kernel.beta) : "0.0";
  const mean = running && at("running_mean", running.mean);
  const variance = running && at("running_variance", running.variance);
  const coefficients = shader.operand("coefficients", kernel.coefficients);
  const saved = shader.operand("saved", kernel.saved);
  const pair = (tensor: Tensor, row: 0 | 1): string =>
    scalarAt(tensor, `(norm_group * 2u + ${row}u) * ${channels}u + channel`);
  const advance = (name: string, batch: string): string =>
    `${name} = ${float(1 - momentum)} * ${name} + ${float(momentum)} * (${batch});`;
  const advances = `${advance("new_mean", "mean")} ${advance("new_variance", `variance * ${float(count / (count - 1))}`)}`;
  return channelReduction(shader, {
    label: "norm-statistics",
    channels,
    sums,
    sumsTensor,
    normGroups,
    cooperation,
    before: running
      ? `var new_mean = 0.0; var new_variance = 0.0;
if (finishes) { new_mean = ${mean}; new_variance = ${variance}; }`
      : "",
    each: `let mean = total.x / ${float(count)};
let variance = max(total.y / ${float(count)} - mean * mean, 0.0);
let inverse = 1.0 / sqrt(variance + ${float(epsilon)});
let scale = ${gamma} * inverse;
${pair(coefficients, 0)} = scale;
${pair(coefficients, 1)} = fma(-mean, scale, ${beta});
${pair(saved, 0)} = mean;
${pair(saved, 1)} = inverse;
${running ? advances : ""}`,
    after: running ? `if (finishes) { ${mean} = new_mean; ${variance} = new_variance; }` : "",
  });
}

/** Scale and shift from running statistics, and the scale by itself. */
export function runningNormDispatch(kernel: RunningNormKernel): Dispatch {
  const { channels, epsilon } = kernel;
  const shader = new ShaderWriter([]);
  const at = (name: string, operand: Operand): string =>
    scalarAt(shader.operand(name, operand), "index");
  const gamma = kernel.gamma ? at("gamma", kernel.gamma) : "1.0";
  const beta = kernel.beta ? at("beta", kernel.beta) : "0.0";
  const mean = at("running_mean", kernel.mean);
  const variance = at("running_variance", kernel.variance);
  const coefficients = shader.operand("coefficients", kernel.coefficients);
  const slopes = shader.operand("slopes", kernel.slopes);
  return flat(
    shader,
    "running-norm",
    channels,
    8 * channels,
    `let scale = ${gamma} / sqrt(${variance} + ${float(epsilon)});
  ${scalarAt(coefficients, "index")} = scale;
  ${scalarAt(coefficients, `${channels}u + index`)} = fma(-${mean}, scale, ${beta});
  ${scalarAt(slopes, "index")} = scale;
  ${scalarAt(slopes, `${channels}u + index`)} = 0.0;`,
  );
}

/** dγ and dβ, and the factors of dz. */
export function normGradientFactorsDispatch(
  kernel: NormGradientFactorsKernel,
  normGroups: number,
  cooperation: Cooperation,
): Dispatch {
  const { channels, count, sums } = kernel;
  const shader = new ShaderWriter([]);
  const sumsTensor = shader.operand("sums", sums.operand);
  const at = (name: string, operand: Operand): string =>
    scalarAt(shader.operand(name, operand), "channel");
  const gamma = kernel.gamma ? at("gamma", kernel.gamma) : "1.0";
  const saved = shader.operand("saved", kernel.saved);
  const sumsOfParameters = [
    ["d_gamma", kernel.dGamma],
    ["d_beta", kernel.dBeta],
  ] as const;
  const places = sumsOfParameters.flatMap(([sum, operand]) =>
    operand ? [[sum, at(sum, operand)] as const] : [],
  );
  const load = places.map(([sum, place]) => `${sum} = ${place};`);
  const store = places.map(([sum, place]) => `${place} = ${sum};`);
  const factors = shader.operand("factors", kernel.factors);
  const savedAt = (row: 0 | 1): string =>
    scalarAt(saved, `(norm_group * 2u + ${row}u) * ${channels}u + channel`);
  const factor = (row: 0 | 1 | 2): string =>
    scalarAt(factors, `(norm_group * 3u + ${row}u) * ${channels}u + channel`);
  return channelReduction(shader, {
    label: "norm-gradient-factors",
    channels,
    sums,
    sumsTensor,
    normGroups,
    cooperation,
    before: `var d_gamma = 0.0; var d_beta = 0.0;
if (finishes) { ${load.join(" ")} }`,
    each: `let mean = ${savedAt(0)};
let inverse = ${savedAt(1)};
let scale = ${gamma} * inverse;
let group_gamma = inverse * (total.y - mean * total.x);
d_gamma += group_gamma;
d_beta += total.x;
let slope = -scale * inverse * group_gamma / ${float(count)};
${factor(0)} = scale;
${factor(1)} = slope;
${factor(2)} = -scale * total.x / ${float(count)} - slope * mean;`,
    after: `if (finishes) { ${store.join(" ")} }`,
  });
}
