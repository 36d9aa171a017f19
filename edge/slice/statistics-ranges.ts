import { boundStatistic } from "../aggregation/bound-statistics.ts";
import { float32View } from "../../protocol/floats.ts";
import { blobKey, readObject } from "../blobs/blob-store.ts";
import { openModel } from "../blobs/model-source.ts";
import { deviationUnits } from "../../protocol/reinit/statistics.ts";
import { decodeInto } from "../../protocol/update/frame.ts";
import type { ByteMeter } from "./byte-meter.ts";
import { eachFrame } from "./read-frames.ts";
import type { SliceShape, StatisticsWork } from "./slice-work.ts";

/** Values of all updates together that are held at once: 2 MiB of float64, whatever their number. */
const RANGE_VALUES = 2 ** 18;

/** What all updates say of a run of coordinates of a statistics slice. */
export interface StatisticsRange {
  /** Where it begins in the slice. */
  readonly from: number;
  /** By contribution in canonical order; each r_round − r_local, float64. */
  readonly updates: readonly Float64Array[];
  /** What deviations are measured in, by coordinate of the range. */
  readonly units: Float32Array;
}

/**
 * Goes through a statistics slice in ranges short enough for the values of all updates to be held, since
 * bounding a coordinate needs them together. Where all fit, every frame is read once; else once a range.
 *
 * @param visit gets the values as they were sent
 */
export async function eachStatisticsRange(
  bucket: R2Bucket,
  work: StatisticsWork,
  meter: ByteMeter,
  visit: (range: StatisticsRange) => void,
): Promise<void> {
  const { slice, contributions } = work;
  const units = await unitsOf(bucket, work, meter);
  const longest = Math.max(1, Math.floor(RANGE_VALUES / contributions.length));
  const decoded = meter.hold(new Float32Array(slice.length));
  for (let from = 0; from < slice.length; from += longest) {
    const length = Math.min(longest, slice.length - from);
    const updates: Float64Array[] = [];
    for (const contribution of contributions) {
      const values = meter.hold(new Float64Array(length));
      await eachFrame(bucket, work, contribution, meter, (frame) => {
        decodeInto(frame, decoded);
        for (let j = 0; j < length; j++) values[j]! += decoded[from + j]!;
      });
      updates.push(values);
    }
    visit({ from, updates, units: units.subarray(from, from + length) });
    for (const values of updates) meter.release(values);
  }
  meter.release(decoded);
  meter.release(units);
}

/** Bounds every coordinate, in place, by the updates that weigh anything (SPEC O6). */
export function boundRange(
  { from, updates, units }: StatisticsRange,
  { slice, contributions }: StatisticsWork,
): void {
  const counted = updates.filter((_, i) => contributions[i]!.weight > 0);
  const values = new Float64Array(counted.length);
  const scratch = new Float64Array(counted.length);
  for (let j = 0; j < units.length; j++) {
    for (const [i, update] of counted.entries()) values[i] = update[j]!;
    boundStatistic(values, { unit: units[j]!, isVariance: isVariance(slice, from + j) }, scratch);
    for (const [i, update] of counted.entries()) update[j] = values[i]!;
  }
}

function isVariance({ variances }: SliceShape, index: number): boolean {
  return variances.some(({ from, to }) => index >= from && index < to);
}

/** Units of the slice's statistics, by the incoming student's variances. */
async function unitsOf(
  bucket: R2Bucket,
  { slice, statistics: { model, student } }: StatisticsWork,
  meter: ByteMeter,
): Promise<Float32Array> {
  const { graph, layout } = await openModel(bucket, model);
  const { trainableLength, length: end } = layout;
  const section = meter.hold(new Float32Array(end - trainableLength));
  const slices = layout.slices.filter((one) => one.section === "statistics");
  for (const [i, { offset, length }] of slices.entries()) {
    const bytes = await readObject(bucket, blobKey(student[i]!), 4 * length);
    section.set(float32View(bytes), offset - trainableLength);
  }
  const units = deviationUnits(graph, layout, section);
  const begin = layout.slices[slice.index]!.offset - trainableLength;
  meter.release(section);
  return meter.hold(units.slice(begin, begin + slice.length));
}
