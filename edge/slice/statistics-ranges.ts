import { boundStatistic } from "../aggregation/bound-statistics.ts";
import { float32View } from "../../protocol/floats.ts";
import { readBlob } from "../blobs/blob-store.ts";
import { openModel } from "../blobs/model-source.ts";
import { deviationUnits } from "../../protocol/reinit/statistics.ts";
import type { ByteMeter } from "./byte-meter.ts";
import type { SliceShape, StatisticsWork } from "./slice-work.ts";
import { eachUpdateRun, type UpdateRun } from "./update-runs.ts";

/** Statistics are small, and so is what reading them takes. */
const LIMITS = { values: 2 ** 18, keptBytes: 2 ** 20 };

/** What all updates say of a run of coordinates of a statistics slice. */
export interface StatisticsRange extends UpdateRun {
  /** What deviations are measured in, by coordinate of the range. */
  readonly units: Float32Array;
}

/**
 * Goes through a statistics slice in runs (`eachUpdateRun`), with the units of their coordinates.
 *
 * @param visit gets the values as they were sent
 */
export async function eachStatisticsRange(
  bucket: R2Bucket,
  work: StatisticsWork,
  meter: ByteMeter,
  visit: (range: StatisticsRange) => void,
): Promise<void> {
  const units = await unitsOf(bucket, work, meter);
  await eachUpdateRun(
    bucket,
    work,
    meter,
    ({ from, updates }) => {
      visit({ from, updates, units: units.subarray(from, from + updates[0]!.length) });
    },
    LIMITS,
  );
  meter.release(units);
}

/** Bounds every coordinate, in place, by the parties that weigh anything (SPEC O6). */
export function boundRange(
  { from, updates, units }: StatisticsRange,
  { slice, statistics: { parties } }: StatisticsWork,
): void {
  const values = new Float64Array(parties.length);
  const scratch = new Float64Array(parties.length);
  for (let j = 0; j < units.length; j++) {
    for (const [p, members] of parties.entries()) values[p] = meanOf(updates, members, j);
    boundStatistic(values, { unit: units[j]!, isVariance: isVariance(slice, from + j) }, scratch);
    for (const [p, members] of parties.entries())
      for (const i of members) updates[i]![j] = values[p]!;
  }
}

function meanOf(updates: readonly Float64Array[], members: readonly number[], j: number): number {
  if (members.length === 1) return updates[members[0]!]![j]!;
  let sum = 0;
  for (const i of members) sum += updates[i]![j]!;
  return sum / members.length;
}

function isVariance({ variances }: SliceShape, index: number): boolean {
  return variances.some(({ from, to }) => index >= from && index < to);
}

/** Units of the slice's statistics, by the incoming student's variances. */
export async function unitsOf(
  bucket: R2Bucket,
  { slice, statistics: { model, student } }: Pick<StatisticsWork, "slice" | "statistics">,
  meter: ByteMeter,
): Promise<Float32Array> {
  const { graph, layout } = await openModel(bucket, model);
  const { trainableLength, length: end } = layout;
  const section = meter.hold(new Float32Array(end - trainableLength));
  const slices = layout.slices.filter((one) => one.section === "statistics");
  for (const [i, { offset, length }] of slices.entries()) {
    const bytes = await readBlob(bucket, student[i]!, 4 * length);
    section.set(float32View(bytes), offset - trainableLength);
  }
  const units = deviationUnits(graph, layout, section);
  const begin = layout.slices[slice.index]!.offset - trainableLength;
  meter.release(section);
  return meter.hold(units.slice(begin, begin + slice.length));
}
