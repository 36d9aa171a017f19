import {
  averageStatistics,
  initialSecondMoment,
  momentsKept,
  serverStep,
} from "../aggregation/server-optimizer.ts";
import { bytesView, float32View } from "../../protocol/floats.ts";
import { blobKey, putBlob, readObject } from "../blobs/blob-store.ts";
import { accumulateFrame } from "../../protocol/update/frame.ts";
import type { ByteMeter } from "./byte-meter.ts";
import { squaredNorm } from "./measure-slice.ts";
import { eachFrame } from "./read-frames.ts";
import type { CombinedSlice, CombineWork, StatisticsWork } from "./slice-work.ts";
import { boundRange, eachStatisticsRange } from "./statistics-ranges.ts";

/**
 * Combines one slice of all updates and moves the student's slice on. The result is a function of
 * `work` alone, to the bit, so it may be repeated after a crash.
 */
export async function combineSlice(
  bucket: R2Bucket,
  work: CombineWork,
  meter: ByteMeter,
): Promise<CombinedSlice> {
  const { slice, optimizer } = work;
  const delta = meter.hold(new Float64Array(slice.length));
  const { statistics } = work;
  if (statistics === undefined) {
    for (const [position, contribution] of work.contributions.entries()) {
      await eachFrame(bucket, work, contribution, meter, (frame) => {
        accumulateFrame(frame, work.factors[position]!, delta);
      });
    }
  } else await accumulateStatistics(bucket, { ...work, statistics }, meter, delta);
  for (let i = 0; i < delta.length; i++) delta[i]! /= work.divisor;

  const load = async (digest: string): Promise<Float32Array<ArrayBuffer>> =>
    meter.hold(float32View(await readObject(bucket, blobKey(digest), 4 * slice.length)));
  const start = async (digest: string | null, value: number): Promise<Float32Array<ArrayBuffer>> =>
    digest === null ? meter.hold(new Float32Array(slice.length).fill(value)) : load(digest);

  const theta = await load(work.student);
  const kept =
    slice.section === "trainable" ? momentsKept(optimizer) : { first: false, second: false };
  const first = kept.first ? await start(work.moments.first, 0) : undefined;
  const second = kept.second
    ? await start(work.moments.second, initialSecondMoment(optimizer))
    : undefined;
  if (slice.section === "statistics") averageStatistics(theta, delta, slice.variances);
  else serverStep(optimizer, work.rate, theta, delta, { first, second });

  const arrays = [theta, first, second].filter((array) => array !== undefined);
  if (!arrays.every((array) => array.every(Number.isFinite))) {
    const { student, moments } = work;
    return { student, moments, squaredNorm: 0, finite: false, peakBytes: meter.peakBytes };
  }
  const store = async (values: Float32Array<ArrayBuffer> | undefined): Promise<string | null> =>
    values === undefined ? null : await putBlob(bucket, bytesView(values));
  return {
    student: await putBlob(bucket, bytesView(theta)),
    moments: { first: await store(first), second: await store(second) },
    squaredNorm: squaredNorm(delta),
    finite: true,
    peakBytes: meter.peakBytes,
  };
}

/** Adds up the statistics of all updates, bounded where the rule says so (SPEC O6). */
async function accumulateStatistics(
  bucket: R2Bucket,
  work: CombineWork & StatisticsWork,
  meter: ByteMeter,
  sum: Float64Array,
): Promise<void> {
  await eachStatisticsRange(bucket, work, meter, (range) => {
    if (work.statistics.bounded) boundRange(range, work);
    for (const [i, values] of range.updates.entries()) {
      const factor = work.factors[i]!;
      for (let j = 0; j < values.length; j++) sum[range.from + j]! += factor * values[j]!;
    }
  });
}
