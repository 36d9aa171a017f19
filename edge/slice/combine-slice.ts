import {
  averageStatistics,
  initialSecondMoment,
  momentsKept,
  serverStep,
} from "../aggregation/server-optimizer.ts";
import {
  blobKey,
  bytesView,
  digestOf,
  float32View,
  putBlob,
  readObject,
} from "../blobs/blob-store.ts";
import { accumulateFrame, validateFrame, type Frame } from "../../protocol/update/frame.ts";
import { frameBytes } from "../../protocol/update/frame-header.ts";
import type { ByteMeter } from "./byte-meter.ts";
import type {
  CombinedSlice,
  CombineWork,
  Measurement,
  MeasureWork,
  StoredFrame,
} from "./slice-work.ts";

/** Calls `visit` with one frame after the other; no two are held at once. */
async function eachFrame(
  bucket: R2Bucket,
  work: MeasureWork,
  meter: ByteMeter,
  visit: (frame: Frame, position: number) => void,
): Promise<void> {
  const { slice, codec } = work;
  const expected = { codec, sliceIndex: slice.index, count: slice.length };
  for (const [position, stored] of work.frames.entries()) {
    const bytes = meter.hold(await readFrame(bucket, stored, frameBytes(codec, slice.length)));
    visit(validateFrame(bytes, expected, { digestVerified: true }), position);
    meter.release(bytes);
  }
}

/** A participant's frame, which must be there as it was stored. */
export async function readFrame(
  bucket: R2Bucket,
  { key, digest }: StoredFrame,
  length: number,
): Promise<Uint8Array<ArrayBuffer>> {
  const bytes = await readObject(bucket, key, length);
  const found = await digestOf(bytes);
  if (found !== digest) throw new Error(`the object '${key}' hashes to ${found}: it is damaged`);
  return bytes;
}

function squaredNorm(values: Float64Array): number {
  let sum = 0;
  for (const value of values) sum += value * value;
  return sum;
}

/** Squared L2 norm of every update over one slice. */
export async function measureSlice(
  bucket: R2Bucket,
  work: MeasureWork,
  meter: ByteMeter,
): Promise<Measurement> {
  const values = meter.hold(new Float64Array(work.slice.length));
  const squaredNorms: number[] = [];
  await eachFrame(bucket, work, meter, (frame) => {
    values.fill(0);
    accumulateFrame(frame, 1, values);
    squaredNorms.push(squaredNorm(values));
  });
  return { squaredNorms, peakBytes: meter.peakBytes };
}

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
  await eachFrame(bucket, work, meter, (frame, position) => {
    accumulateFrame(frame, work.factors[position]!, delta);
  });
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
