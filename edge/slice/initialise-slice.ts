import { bytesView, putBlob } from "../blobs/blob-store.ts";
import { openModel, readState } from "../blobs/model-source.ts";
import { freshValue } from "../../protocol/reinit/fresh-distribution.ts";
import { uniformFromWords } from "../../protocol/random/philox.ts";
import { forEachReinitialised, parseSeed } from "../../protocol/reinit/reinitialise.ts";
import type { ByteMeter } from "./byte-meter.ts";
import type { InitialisedSlice, InitialiseWork } from "./slice-work.ts";

/**
 * Checks one slice of a model's values without storing anything.
 *
 * @throws ProtocolError `non-finite-weights` (SPEC W5).
 */
export async function checkSlice(
  bucket: R2Bucket,
  digest: string,
  index: number,
  meter: ByteMeter,
): Promise<void> {
  const model = await openModel(bucket, digest);
  const { offset, length } = model.layout.slices[index]!;
  meter.release(meter.hold(await readState(bucket, model, offset, length)));
}

/** Makes and stores one slice of student₀, with its part of the mask (SPEC I1, I6). */
export async function initialiseSlice(
  bucket: R2Bucket,
  work: InitialiseWork,
  meter: ByteMeter,
): Promise<InitialisedSlice> {
  const model = await openModel(bucket, work.model);
  const { layout } = model;
  const { offset, length } = layout.slices[work.index]!;
  const student = meter.hold(await readState(bucket, model, offset, length));
  const mask = meter.hold(new Uint8Array(Math.ceil(length / 8)));
  // Mask and values in one pass: the random words cost more than all the rest.
  forEachReinitialised(
    layout,
    work.plan,
    parseSeed(work.seed),
    offset,
    length,
    (index, { fresh }, words) => {
      const i = index - offset;
      student[i] = freshValue(fresh, uniformFromWords(words[1]!, words[2]!));
      mask[i >>> 3]! |= 1 << (i & 7);
    },
  );
  const digest = await putBlob(bucket, bytesView(student));
  return { student: digest, mask, peakBytes: meter.peakBytes };
}
