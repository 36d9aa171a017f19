import { ProtocolError } from "../../protocol/errors.ts";
import { restoreModel } from "../../protocol/formats/import-model.ts";
import type { RestoredFile } from "../../protocol/formats/model-file.ts";
import { float32View } from "../../protocol/floats.ts";
import { readBlob } from "../blobs/blob-store.ts";
import { giveBack } from "../blobs/give-back.ts";
import { openModel, type ModelReference, type ModelSource } from "../blobs/model-source.ts";
import type { StudentRecord } from "./store/campaign-store.ts";

/**
 * Reads a student's values by range of the state vector. Of each section the slice used last is
 * kept, since a file's tensors walk through both sections side by side.
 */
function studentReader(bucket: R2Bucket, { layout }: ModelSource, digests: readonly string[]) {
  const held = new Map<string, { index: number; values: Float32Array }>();
  return async (offset: number, length: number): Promise<Float32Array> => {
    const values = new Float32Array(length);
    for (const slice of layout.slices) {
      const from = Math.max(offset, slice.offset);
      const to = Math.min(offset + length, slice.offset + slice.length);
      if (from >= to) continue;
      let kept = held.get(slice.section);
      if (kept?.index !== slice.index) {
        if (kept !== undefined) giveBack(kept.values);
        held.delete(slice.section);
        const bytes = await readBlob(bucket, digests[slice.index]!, 4 * slice.length);
        kept = { index: slice.index, values: float32View(bytes) };
        held.set(slice.section, kept);
      }
      values.set(kept.values.subarray(from - slice.offset, to - slice.offset), from - offset);
    }
    return values;
  };
}

/**
 * A student as a file like the one the model came in (SPEC W4), streamed: two slices and one piece
 * are held at a time.
 *
 * @param isFloat32 whether weights that the file stores as less are to be float32 (SPEC W7.3)
 * @throws ProtocolError `malformed-request` where none are.
 */
export async function exportStudent(
  bucket: R2Bucket,
  teacher: ModelReference,
  student: StudentRecord,
  campaign: string,
  isFloat32 = false,
): Promise<Response> {
  const model = await openModel(bucket, teacher);
  const file = isFloat32 ? await widened(model) : model.file;
  const { extension, totalBytes } = file;
  const { readable, writable } = new FixedLengthStream(totalBytes);
  const pieces = restoreModel(
    { file, layout: model.layout },
    studentReader(bucket, model, student.slices),
  );
  // Runs while the response is read; a failure breaks the stream off, short of its length.
  void pump(pieces, writable);
  const name = `${campaign}-round-${student.round}.${extension}`;
  return new Response(readable, {
    headers: {
      "Content-Type": "application/octet-stream",
      "Content-Length": String(totalBytes),
      "Content-Disposition": `attachment; filename="${name}"`,
      "Cache-Control": "no-store",
    },
  });
}

async function widened({ file }: ModelSource): Promise<RestoredFile> {
  const wide = await file.widened?.();
  if (wide !== undefined) return wide;
  throw new ProtocolError(
    "malformed-request",
    `float32 is for TensorFlow.js models with quantised or float16 weights: this one, ${file.kind}, comes back in its own types. Leave it out`,
  );
}

async function pump(
  pieces: AsyncIterable<Uint8Array>,
  writable: WritableStream<Uint8Array>,
): Promise<void> {
  const writer = writable.getWriter();
  try {
    for await (const piece of pieces) await writer.write(piece);
    await writer.close();
  } catch (error) {
    console.error(error);
    await writer.abort(error).catch(() => undefined);
  }
}
