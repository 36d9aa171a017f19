import { float32View } from "../../protocol/floats.ts";
import { readBlob } from "../blobs/blob-store.ts";
import type { ByteMeter } from "./byte-meter.ts";
import type { MeasureWork } from "./slice-work.ts";

/** What the student of this round came by: θ_before − θ_after, a descent direction as updates are. */
export async function readLastStep(
  bucket: R2Bucket,
  { slice, lastStep }: Pick<MeasureWork, "slice" | "lastStep">,
  meter: ByteMeter,
): Promise<Float64Array> {
  const step = meter.hold(new Float64Array(slice.length));
  if (lastStep === undefined) return step;
  const [before, after] = await Promise.all(
    [lastStep.before, lastStep.after].map(async (digest) =>
      float32View(await readBlob(bucket, digest, 4 * slice.length)),
    ),
  );
  for (let i = 0; i < step.length; i++) step[i] = before![i]! - after![i]!;
  return step;
}
