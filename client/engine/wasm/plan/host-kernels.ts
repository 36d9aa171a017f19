import { rulesOf } from "../../program/activations.ts";
import type { BiasGradientKernel } from "../../program/kernels/bias.ts";
import type { LinearGradientKernel, LinearKernel, PoolKernel } from "../../program/kernels/head.ts";
import type {
  NormGradientFactorsKernel,
  NormStatisticsKernel,
  RunningNormKernel,
} from "../../program/kernels/norm.ts";
import type { Operand, PartialSums } from "../../program/operands.ts";

/** Kernels too small to be worth generating: plain loops over the memory, in float64. */

/** The floats of an operand, to be read and written. */
export type Floats = (operand: Operand) => Float32Array;

/** Sums of one norm group over its parts, in order: `[2, C]`. */
function groupSums(
  floats: Float32Array,
  { parts }: PartialSums,
  group: number,
  channels: number,
): Float64Array {
  const sums = new Float64Array(2 * channels);
  let at = group * parts * 2 * channels;
  for (let part = 0; part < parts; part++) {
    for (let i = 0; i < sums.length; i++) sums[i] = sums[i]! + floats[at++]!;
  }
  return sums;
}

export function normStatistics(floats: Floats, kernel: NormStatisticsKernel, groups: number): void {
  const { channels, count, epsilon, momentum, running } = kernel;
  const partial = floats(kernel.sums.operand);
  const gamma = kernel.gamma && floats(kernel.gamma);
  const beta = kernel.beta && floats(kernel.beta);
  const coefficients = floats(kernel.coefficients);
  const saved = floats(kernel.saved);
  const runningMean = running && floats(running.mean);
  const runningVariance = running && floats(running.variance);
  for (let group = 0; group < groups; group++) {
    const sums = groupSums(partial, kernel.sums, group, channels);
    const at = group * 2 * channels;
    for (let c = 0; c < channels; c++) {
      const mean = sums[c]! / count;
      const variance = Math.max(0, sums[channels + c]! / count - mean * mean);
      const inverse = 1 / Math.sqrt(variance + epsilon);
      const scale = (gamma?.[c] ?? 1) * inverse;
      coefficients[at + c] = scale;
      coefficients[at + channels + c] = (beta?.[c] ?? 0) - mean * scale;
      saved[at + c] = mean;
      saved[at + channels + c] = inverse;
      if (!runningMean || !runningVariance) continue;
      const unbiased = (variance * count) / (count - 1);
      runningMean[c] = runningMean[c]! + momentum * (mean - runningMean[c]!);
      runningVariance[c] = runningVariance[c]! + momentum * (unbiased - runningVariance[c]!);
    }
  }
}

/** Scale and shift from running statistics, and the scale by itself. */
export function runningNorm(floats: Floats, kernel: RunningNormKernel): void {
  const { channels, epsilon } = kernel;
  const gamma = kernel.gamma && floats(kernel.gamma);
  const beta = kernel.beta && floats(kernel.beta);
  const mean = floats(kernel.mean);
  const variance = floats(kernel.variance);
  const coefficients = floats(kernel.coefficients);
  const slopes = floats(kernel.slopes);
  for (let c = 0; c < channels; c++) {
    const scale = (gamma?.[c] ?? 1) / Math.sqrt(variance[c]! + epsilon);
    coefficients[c] = scale;
    coefficients[channels + c] = (beta?.[c] ?? 0) - mean[c]! * scale;
    slopes[c] = scale;
    slopes[channels + c] = 0;
  }
}

/** With x̂ = (z − μ)·r: dz = γ·r·(g − mean(g) − x̂·mean(g·x̂)), written as a·g + b·z + d. */
export function normGradientFactors(
  floats: Floats,
  kernel: NormGradientFactorsKernel,
  groups: number,
): void {
  const { channels, count } = kernel;
  const partial = floats(kernel.sums.operand);
  const gamma = kernel.gamma && floats(kernel.gamma);
  const saved = floats(kernel.saved);
  const dGamma = kernel.dGamma && floats(kernel.dGamma);
  const dBeta = kernel.dBeta && floats(kernel.dBeta);
  const factors = floats(kernel.factors);
  for (let group = 0; group < groups; group++) {
    const sums = groupSums(partial, kernel.sums, group, channels);
    for (let c = 0; c < channels; c++) {
      const mean = saved[group * 2 * channels + c]!;
      const inverse = saved[(group * 2 + 1) * channels + c]!;
      const sum = sums[c]!;
      const product = inverse * (sums[channels + c]! - mean * sum);
      if (dGamma) dGamma[c] = dGamma[c]! + product;
      if (dBeta) dBeta[c] = dBeta[c]! + sum;
      const a = (gamma?.[c] ?? 1) * inverse;
      const b = (-a * inverse * product) / count;
      const at = group * 3 * channels + c;
      factors[at] = a;
      factors[at + channels] = b;
      factors[at + 2 * channels] = (-a * sum) / count - b * mean;
    }
  }
}

/** db += Σ dy, norm group by norm group. */
export function biasSums(floats: Floats, kernel: BiasGradientKernel, groups: number): void {
  const { channels } = kernel;
  const partial = floats(kernel.sums.operand);
  const dBias = floats(kernel.dBias);
  for (let group = 0; group < groups; group++) {
    const sums = groupSums(partial, kernel.sums, group, channels);
    for (let c = 0; c < channels; c++) dBias[c] = dBias[c]! + sums[c]!;
  }
}

export function pool(floats: Floats, kernel: PoolKernel, groups: number): void {
  const { images, positions, channels, x } = kernel;
  const values = floats(x.values);
  const y = floats(kernel.y);
  const coefficients = x.affine && floats(x.affine.coefficients);
  const activate = x.affine?.activation && rulesOf(x.affine.activation).value;
  const sums = new Float64Array(channels);
  let at = 0;
  for (let image = 0; image < images; image++) {
    const group = x.affine?.common ? 0 : Math.floor((image * groups) / images);
    sums.fill(0);
    for (let position = 0; position < positions; position++) {
      for (let c = 0; c < channels; c++) {
        let value = values[at++]!;
        if (coefficients) {
          const scale = coefficients[group * 2 * channels + c]!;
          value = value * scale + coefficients[(group * 2 + 1) * channels + c]!;
          if (activate) value = activate(value);
        }
        sums[c] = sums[c]! + value;
      }
    }
    for (let c = 0; c < channels; c++) y[image * channels + c] = sums[c]! / positions;
  }
}

export function linear(floats: Floats, kernel: LinearKernel): void {
  const { images, inputs, outputs } = kernel;
  const x = floats(kernel.x);
  const weight = floats(kernel.weight);
  const bias = floats(kernel.bias);
  const y = floats(kernel.y);
  for (let image = 0; image < images; image++) {
    for (let output = 0; output < outputs; output++) {
      let sum = bias[output]!;
      const from = image * inputs;
      const row = output * inputs;
      for (let i = 0; i < inputs; i++) sum += x[from + i]! * weight[row + i]!;
      y[image * outputs + output] = sum;
    }
  }
}

export function linearGradient(floats: Floats, kernel: LinearGradientKernel): void {
  const { images, inputs, outputs } = kernel;
  const x = floats(kernel.x);
  const weight = floats(kernel.weight);
  const dy = floats(kernel.dy);
  const dx = kernel.dx && floats(kernel.dx);
  const dWeight = kernel.parameters && floats(kernel.parameters.dWeight);
  const dBias = kernel.parameters && floats(kernel.parameters.dBias);
  // Image after image onto what is there, so that groups of images may come in several calls.
  for (let image = 0; image < images; image++) {
    const sums = new Float64Array(inputs);
    const from = image * inputs;
    for (let output = 0; output < outputs; output++) {
      const g = dy[image * outputs + output]!;
      const row = output * inputs;
      for (let i = 0; i < inputs; i++) sums[i] = sums[i]! + g * weight[row + i]!;
      if (!dWeight || !dBias) continue;
      dBias[output] = dBias[output]! + g;
      for (let i = 0; i < inputs; i++) dWeight[row + i] = dWeight[row + i]! + g * x[from + i]!;
    }
    dx?.set(sums, from);
  }
}
