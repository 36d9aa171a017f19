import { digestOf, readObject } from "../blobs/blob-store.ts";
import { validateFrame, type Frame } from "../../protocol/update/frame.ts";
import { frameBytes } from "../../protocol/update/frame-header.ts";
import type { ByteMeter } from "./byte-meter.ts";
import type { FramesOfSlice, StoredFrame } from "./slice-work.ts";

/** Calls `visit` with one frame after the other; no two are held at once. */
export async function eachFrame(
  bucket: R2Bucket,
  { slice, codec, frames }: FramesOfSlice,
  meter: ByteMeter,
  visit: (frame: Frame, position: number) => void,
): Promise<void> {
  const expected = { codec, sliceIndex: slice.index, count: slice.length };
  for (const [position, stored] of frames.entries()) {
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
