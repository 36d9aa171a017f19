import {
  averageStatistics,
  initialSecondMoment,
  momentsKept,
  serverStep,
} from "../aggregation/server-optimizer.ts";
import { stepAlongLine } from "../aggregation/step-along-line.ts";
import { bytesView, float32View } from "../../protocol/floats.ts";
import { putBlob, readBlob } from "../blobs/blob-store.ts";
import type { ByteMeter } from "./byte-meter.ts";
import { combinedUpdate } from "./combined-update.ts";
import { squaredNorm } from "./measure-slice.ts";
import type { CombinedSlice, CombineWork } from "./slice-work.ts";

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
  const delta = await combinedUpdate(bucket, work, meter);

  const load = async (digest: string): Promise<Float32Array<ArrayBuffer>> =>
    meter.hold(float32View(await readBlob(bucket, digest, 4 * slice.length)));
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
  if (work.lineStep !== undefined) {
    stepAlongLine(theta, await load(work.lineStep.from), work.lineStep.factor);
  }

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
