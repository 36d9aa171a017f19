import { digestOf, readObject } from "../blobs/blob-store.ts";
import { validateFrame, type Frame } from "../../protocol/update/frame.ts";
import { frameBytes } from "../../protocol/update/frame-header.ts";
import type { ByteMeter } from "./byte-meter.ts";
import type { FramesOfSlice, SliceContribution, StoredFrame } from "./slice-work.ts";

/** Calls `visit` with one of a contribution's frames after the other; no two are held at once. */
export async function eachFrame(
  bucket: R2Bucket,
  { slice, codec }: Pick<FramesOfSlice, "slice" | "codec">,
  { frames }: SliceContribution,
  meter: ByteMeter,
  visit: (frame: Frame) => void,
): Promise<void> {
  const expected = { codec, sliceIndex: slice.index, count: slice.length };
  for (const stored of frames) {
    const bytes = meter.hold(await readFrame(bucket, stored, frameBytes(codec, slice.length)));
    visit(validateFrame(bytes, expected, { digestVerified: true }));
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
