import { accumulateFrame } from "../../protocol/update/frame.ts";
import type { ByteMeter } from "./byte-meter.ts";
import { readLastStep } from "./last-step.ts";
import { eachFrame } from "./read-frames.ts";
import type { Measurement, MeasureWork, StatisticsWork } from "./slice-work.ts";
import { boundRange, eachStatisticsRange } from "./statistics-ranges.ts";
import { eachUpdateRun } from "./update-runs.ts";

export function squaredNorm(values: Float64Array): number {
  let sum = 0;
  for (const value of values) sum += value * value;
  return sum;
}

/** Pass 1 over one slice: how large each contribution is there, and how they lie to one another. */
export async function measureSlice(
  bucket: R2Bucket,
  work: MeasureWork,
  meter: ByteMeter,
): Promise<Measurement> {
  const { statistics } = work;
  if (statistics !== undefined) return measureStatistics(bucket, { ...work, statistics }, meter);
  if (work.products === true) return measureProducts(bucket, work, meter);
  const values = meter.hold(new Float64Array(work.slice.length));
  const squaredNorms: number[] = [];
  for (const contribution of work.contributions) {
    values.fill(0);
    await eachFrame(bucket, work, contribution, meter, (frame) => {
      accumulateFrame(frame, 1, values);
    });
    squaredNorms.push(squaredNorm(values));
  }
  return { squaredNorms, peakBytes: meter.peakBytes };
}

async function measureProducts(
  bucket: R2Bucket,
  work: MeasureWork,
  meter: ByteMeter,
): Promise<Measurement> {
  const lastStep = await readLastStep(bucket, work, meter);
  const count = work.contributions.length + 1;
  const products = Array.from({ length: count }, () => Array.from({ length: count }, () => 0));
  await eachUpdateRun(bucket, work, meter, ({ from, updates }) => {
    const vectors = [...updates, lastStep.subarray(from, from + updates[0]!.length)];
    for (const [i, a] of vectors.entries()) {
      for (let j = 0; j <= i; j++) products[i]![j]! += innerProduct(a, vectors[j]!);
    }
  });
  for (let i = 0; i < count; i++) for (let j = 0; j < i; j++) products[j]![i] = products[i]![j]!;
  const squaredNorms = work.contributions.map((_, i) => products[i]![i]!);
  return { squaredNorms, products, peakBytes: meter.peakBytes };
}

function innerProduct(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!;
  return sum;
}

/**
 * Of statistics both what was sent and what is combined of it are measured, in units (SPEC O6). In the
 * second no value counts for more than one unit: a channel that was dead and comes alive moves by any
 * number of them, and would permit as much to a liar everywhere else.
 */
async function measureStatistics(
  bucket: R2Bucket,
  work: StatisticsWork,
  meter: ByteMeter,
): Promise<Measurement> {
  const squaredNorms = work.contributions.map(() => 0);
  const combinedSquares = work.contributions.map(() => 0);
  await eachStatisticsRange(bucket, work, meter, (range) => {
    const { updates, units } = range;
    for (const [i, values] of updates.entries())
      squaredNorms[i]! += inUnits(values, units, Infinity);
    if (work.statistics.bounded) boundRange(range, work);
    for (const [i, values] of updates.entries()) combinedSquares[i]! += inUnits(values, units, 1);
  });
  return { squaredNorms, combinedSquares, peakBytes: meter.peakBytes };
}

/** Sum of squares of values in their units, each at most `most` units. */
function inUnits(values: Float64Array, units: Float32Array, most: number): number {
  let sum = 0;
  for (let j = 0; j < values.length; j++) {
    const value = Math.min(most, Math.abs(values[j]! / units[j]!));
    sum += value * value;
  }
  return sum;
}
