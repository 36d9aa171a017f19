import { decodeRun, validateFrame, type Frame } from "../../protocol/update/frame.ts";
import { frameBytes } from "../../protocol/update/frame-header.ts";
import type { ByteMeter } from "./byte-meter.ts";
import { readFrame } from "./read-frames.ts";
import type { FramesOfSlice } from "./slice-work.ts";

/** How much is held at once. */
interface RunLimits {
  /** Values of all updates together, whatever their number; 8 bytes each. */
  readonly values: number;
  /** Bytes of frames that are kept from run to run; beyond that each is read again for every run. */
  readonly keptBytes: number;
}

/**
 * 8 MiB each. Of as many updates as a robust rule takes (`MOST_FOR_ROBUST_RULES`) no more than 512 frames are
 * read then, whatever their codec: a Worker may ask storage a thousand times in one call.
 */
const LIMITS: RunLimits = { values: 2 ** 20, keptBytes: 8 * 2 ** 20 };

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
 */
export async function eachUpdateRun(
  bucket: R2Bucket,
  { slice, codec, contributions }: FramesOfSlice,
  meter: ByteMeter,
  visit: (run: UpdateRun) => void,
  { keptBytes, values: mostValues }: RunLimits = LIMITS,
): Promise<void> {
  const bytes = frameBytes(codec, slice.length);
  const expected = { codec, sliceIndex: slice.index, count: slice.length };
  const frameCount = contributions.reduce((sum, { frames }) => sum + frames.length, 0);
  const longest = Math.max(1, Math.floor(mostValues / contributions.length));
  const keeps = longest < slice.length && frameCount * bytes <= keptBytes;
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
