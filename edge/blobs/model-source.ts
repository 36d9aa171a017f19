import { ProtocolError } from "../../protocol/errors.ts";
import * as formats from "../../protocol/formats/import-model.ts";
import { blobKey, readBlobRange } from "./blob-store.ts";

/** A model in storage of which all is known but its values, which are left where they are. */
export interface ModelSource extends formats.OpenModel {
  readonly digest: string;
}

/**
 * Opens a stored model.
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
  const model = await formats.openModel({
    totalBytes: object.size,
    read: (begin, end) => readBlobRange(bucket, digest, begin, end),
  });
  return { digest, ...model };
}
