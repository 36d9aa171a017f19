import { decodeRun, validateFrame, type Frame } from "../../protocol/update/frame.ts";
import { frameBytes } from "../../protocol/update/frame-header.ts";
import type { ByteMeter } from "./byte-meter.ts";
import { readFrame } from "./read-frames.ts";
import type { FramesOfSlice } from "./slice-work.ts";

/** Values of all updates together that are held at once: 2 MiB of float64, whatever their number. */
const RUN_VALUES = 2 ** 18;

/** Frames that are kept from run to run, together; beyond that each is read again for every run. */
const KEPT_BYTES = 8 * 2 ** 20;

/** What all contributions say of a run of coordinates. */
export interface UpdateRun {
  /** Where it begins in the slice. */
  readonly from: number;
  /** By contribution in canonical order; each r_round − r_local, float64. */
  readonly updates: readonly Float64Array[];
}

/**
 * Goes through a slice in runs short enough for the values of all contributions to be held: what is
 * decided by coordinate, or by how updates lie to one another, needs them together.
 *
 * @param visit gets the values as they were sent, and may change them
 * @param mostKept bytes of frames that are kept from run to run
 */
export async function eachUpdateRun(
  bucket: R2Bucket,
  { slice, codec, contributions }: FramesOfSlice,
  meter: ByteMeter,
  visit: (run: UpdateRun) => void,
  mostKept: number = KEPT_BYTES,
): Promise<void> {
  const bytes = frameBytes(codec, slice.length);
  const expected = { codec, sliceIndex: slice.index, count: slice.length };
  const frameCount = contributions.reduce((sum, { frames }) => sum + frames.length, 0);
  const longest = Math.max(1, Math.floor(RUN_VALUES / contributions.length));
  const keeps = longest < slice.length && frameCount * bytes <= mostKept;
  const kept = new Map<string, Frame>();
  const decoded = meter.hold(new Float32Array(Math.min(longest, slice.length)));
  for (let from = 0; from < slice.length; from += longest) {
    const length = Math.min(longest, slice.length - from);
    const updates: Float64Array[] = [];
    for (const { frames } of contributions) {
      const values = meter.hold(new Float64Array(length));
      for (const stored of frames) {
        const frame = kept.get(stored.key) ?? (await open(stored));
        if (keeps) kept.set(stored.key, frame);
        const run = decoded.subarray(0, length);
        decodeRun(frame, from, run);
        for (let j = 0; j < length; j++) values[j]! += run[j]!;
        if (!keeps) meter.release(frame.payload);
      }
      updates.push(values);
    }
    visit({ from, updates });
    for (const values of updates) meter.release(values);
  }
  for (const { payload } of kept.values()) meter.release(payload);
  meter.release(decoded);

  async function open(stored: { readonly key: string; readonly digest: string }): Promise<Frame> {
    const frame = validateFrame(await readFrame(bucket, stored, bytes), expected, {
      digestVerified: true,
    });
    meter.hold(frame.payload);
    return frame;
  }
}
