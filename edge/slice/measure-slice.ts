import { accumulateFrame } from "../../protocol/update/frame.ts";
import type { ByteMeter } from "./byte-meter.ts";
import { eachFrame } from "./read-frames.ts";
import type { Measurement, MeasureWork, StatisticsWork } from "./slice-work.ts";
import { boundRange, eachStatisticsRange } from "./statistics-ranges.ts";

export function squaredNorm(values: Float64Array): number {
  let sum = 0;
  for (const value of values) sum += value * value;
  return sum;
}

/** Pass 1 over one slice: how large each contribution is there. */
export async function measureSlice(
  bucket: R2Bucket,
  work: MeasureWork,
  meter: ByteMeter,
): Promise<Measurement> {
  const { statistics } = work;
  if (statistics !== undefined) return measureStatistics(bucket, { ...work, statistics }, meter);
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
