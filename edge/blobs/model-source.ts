import { ProtocolError } from "../../protocol/errors.ts";
import { readRun, sourceRuns, type SourceRun } from "../../protocol/model/model-import.ts";
import { recognise, type RecognisedModel } from "../../protocol/model/recognise.ts";
import {
  headerLength,
  parseHeader,
  PREFIX_BYTES,
  type SafetensorsHeader,
} from "../../protocol/formats/safetensors/header.ts";
import { blobKey, readBlobRange } from "./blob-store.ts";

/** A model file in storage of which only the header was read. */
export interface ModelSource extends RecognisedModel {
  readonly digest: string;
  readonly header: SafetensorsHeader;
}

/**
 * Reads and checks a stored model's header; its values are left where they are.
 *
 * @throws ProtocolError `not-found`, `malformed-model` or `unsupported-model`.
 */
export async function openModel(bucket: R2Bucket, digest: string): Promise<ModelSource> {
  const object = await bucket.head(blobKey(digest));
  if (object === null) {
    throw new ProtocolError(
      "not-found",
      `there is no model ${digest}: upload it first with PUT /api/v1/admin/models/${digest}`,
    );
  }
  const total = object.size;
  const prefix = await readBlobRange(bucket, digest, 0, Math.min(PREFIX_BYTES, total));
  const start = await readBlobRange(bucket, digest, 0, headerLength(prefix, total));
  const header = parseHeader(start, total);
  return { digest, header, ...recognise(header.tensors) };
}

/** Runs closer together than this are read in one go, gap and all. */
const MAX_GAP_BYTES = 16 * 1024;

/** Longest single read: bounds the memory it takes. */
const MAX_READ_BYTES = 2 ** 22;

/** Neighbouring runs that are read in one go. */
function readings(runs: readonly SourceRun[]): SourceRun[][] {
  const groups: SourceRun[][] = [];
  for (const run of [...runs].sort((a, b) => a.begin - b.begin)) {
    const group = groups.at(-1);
    const first = group?.[0];
    const last = group?.at(-1);
    const joins =
      first !== undefined &&
      last !== undefined &&
      run.begin - last.end <= MAX_GAP_BYTES &&
      run.end - first.begin <= MAX_READ_BYTES;
    if (joins) group!.push(run);
    else groups.push([run]);
  }
  return groups;
}

/**
 * Values [offset, offset + length) of the state vector, read from the file by range.
 *
 * @throws ProtocolError `non-finite-weights`, naming tensor and index.
 */
export async function readState(
  bucket: R2Bucket,
  model: ModelSource,
  offset: number,
  length: number,
): Promise<Float32Array<ArrayBuffer>> {
  const values = new Float32Array(length);
  for (const group of readings(sourceRuns(model.header, model.layout, offset, length))) {
    const begin = group[0]!.begin;
    const bytes = await readBlobRange(bucket, model.digest, begin, group.at(-1)!.end);
    for (const run of group) {
      const own = bytes.subarray(run.begin - begin, run.end - begin);
      values.set(readRun(run, own), run.entry.offset + run.first - offset);
    }
  }
  return values;
}
