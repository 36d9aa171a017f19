import { zeros, type Tensor } from "./reference-operations.ts";

/** Norms of each image by itself, and softmax, by their definitions. */

/** Which run of values that are normalised together a value is in, by its index. */
type RunOf = (index: number) => number;

/** Of the channels of every position. */
export function channelRuns({ shape }: Tensor): RunOf {
  const channels = shape.at(-1)!;
  return (index) => Math.floor(index / channels);
}

/** Of groups of channels over an image's positions. */
export function groupRuns({ shape, values }: Tensor, groups: number): RunOf {
  const channels = shape.at(-1)!;
  const perImage = values.length / shape[0]!;
  return (index) =>
    Math.floor(index / perImage) * groups + Math.floor(((index % channels) * groups) / channels);
}

export interface RunNormInput {
  readonly x: Tensor;
  readonly runOf: RunOf;
  readonly scale: Tensor | undefined;
  readonly shift: Tensor | undefined;
  readonly epsilon: number;
}

export function runNorm(input: RunNormInput): Tensor {
  const { x, scale, shift } = input;
  const channels = x.shape.at(-1)!;
  const { normalised } = standardise(input);
  const values = normalised.map(
    (value, i) => value * (scale?.values[i % channels] ?? 1) + (shift?.values[i % channels] ?? 0),
  );
  return { shape: x.shape, values };
}

export function runNormBackward(dy: Tensor, input: RunNormInput) {
  const { x, runOf, scale } = input;
  const channels = x.shape.at(-1)!;
  const { normalised, inverse } = standardise(input);
  const slopes = dy.values.map((d, i) => d * (scale?.values[i % channels] ?? 1));
  const mean = means(slopes, runOf);
  const product = means(
    slopes.map((slope, i) => slope * normalised[i]!),
    runOf,
  );
  const values = slopes.map((slope, i) => {
    const run = runOf(i);
    return (slope - mean.get(run)! - normalised[i]! * product.get(run)!) * inverse[i]!;
  });
  const [dScale, dShift] = [zeros([channels]), zeros([channels])];
  dy.values.forEach((d, i) => {
    dScale.values[i % channels]! += d * normalised[i]!;
    dShift.values[i % channels]! += d;
  });
  return { dx: { shape: x.shape, values }, dScale, dShift };
}

function standardise({ x, runOf, epsilon }: RunNormInput) {
  const mean = means(x.values, runOf);
  const less = x.values.map((value, i) => value - mean.get(runOf(i))!);
  const variance = means(
    less.map((value) => value * value),
    runOf,
  );
  const inverse = x.values.map((_, i) => 1 / Math.sqrt(variance.get(runOf(i))! + epsilon));
  return { normalised: less.map((value, i) => value * inverse[i]!), inverse };
}

function means(values: Float64Array, runOf: RunOf): Map<number, number> {
  const sums = new Map<number, number>();
  const counts = new Map<number, number>();
  values.forEach((value, i) => {
    const run = runOf(i);
    sums.set(run, (sums.get(run) ?? 0) + value);
    counts.set(run, (counts.get(run) ?? 0) + 1);
  });
  return new Map([...sums].map(([run, sum]) => [run, sum / counts.get(run)!]));
}

/** Over the channels of every position. */
export function softmax(x: Tensor): Tensor {
  const channels = x.shape.at(-1)!;
  const values = x.values.slice();
  for (let from = 0; from < values.length; from += channels) {
    const row = values.subarray(from, from + channels);
    const largest = Math.max(...row);
    const raised = row.map((value) => Math.exp(value - largest));
    const sum = raised.reduce((total, value) => total + value, 0);
    row.set(raised.map((value) => value / sum));
  }
  return { shape: x.shape, values };
}

/** @param y what softmax gave */
export function softmaxBackward(dy: Tensor, y: Tensor): Tensor {
  const channels = y.shape.at(-1)!;
  const values = dy.values.slice();
  for (let from = 0; from < values.length; from += channels) {
    let product = 0;
    for (let c = from; c < from + channels; c++) product += dy.values[c]! * y.values[c]!;
    for (let c = from; c < from + channels; c++) {
      values[c] = y.values[c]! * (dy.values[c]! - product);
    }
  }
  return { shape: y.shape, values };
}
