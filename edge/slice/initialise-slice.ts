import { bytesView } from "../../protocol/floats.ts";
import { putBlob } from "../blobs/blob-store.ts";
import { giveBack } from "../blobs/give-back.ts";
import { openModel, type ModelReference } from "../blobs/model-source.ts";
import { readState } from "../../protocol/formats/import-model.ts";
import { putIdentityNorms } from "../../protocol/reinit/identity-norms.ts";
import { setMasked } from "../../protocol/reinit/mask.ts";
import { parseSeed, reinitialiseInPlace } from "../../protocol/reinit/reinitialise.ts";
import type { ByteMeter } from "./byte-meter.ts";
import type { InitialisedSlice, InitialiseWork } from "./slice-work.ts";

/**
 * Checks one slice of a model's values without storing anything.
 *
 * @throws ProtocolError `non-finite-weights` (SPEC W5).
 */
export async function checkSlice(
  bucket: R2Bucket,
  reference: ModelReference,
  index: number,
  meter: ByteMeter,
): Promise<void> {
  const model = await openModel(bucket, reference);
  const { offset, length } = model.layout.slices[index]!;
  const values = meter.hold(await readState(model, offset, length));
  meter.release(values);
  giveBack(values);
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
  const student = meter.hold(await readState(model, offset, length));
  putIdentityNorms(student, layout, work.norms, offset);
  const mask = meter.hold(new Uint8Array(Math.ceil(length / 8)));
  // Mask and values in one pass: the random words cost more than all the rest.
  reinitialiseInPlace(student, layout, work.plan, parseSeed(work.seed), offset, (i) =>
    setMasked(mask, i),
  );
  const digest = await putBlob(bucket, bytesView(student));
  giveBack(student);
  return { student: digest, mask, peakBytes: meter.peakBytes };
}
