import { ProtocolError } from "../../protocol/errors.ts";
import type { NetworkSettings } from "../../protocol/model/network-settings.ts";
import type { CampaignConfig } from "../../protocol/round/campaign-config.ts";
import * as formats from "../../protocol/formats/import-model.ts";
import { blobKey, readBlobRange } from "./blob-store.ts";

/** A stored model, and what its tensors do not tell. */
export interface ModelReference {
  readonly digest: string;
  readonly network: NetworkSettings;
}

/** A campaign's teacher. */
export function teacherOf({ model, network }: CampaignConfig): ModelReference {
  return { digest: model, network };
}

/** A model in storage of which all is known but its values, which are left where they are. */
export interface ModelSource extends formats.OpenModel, ModelReference {
  readonly network: NetworkSettings;
}

/**
 * Opens a stored model.
 *
 * @throws ProtocolError `not-found`, `malformed-model`, `unsupported-model` or `malformed-request`.
 */
export async function openModel(
  bucket: R2Bucket,
  { digest, network }: ModelReference,
): Promise<ModelSource> {
  const object = await bucket.head(blobKey(digest));
  if (object === null) {
    throw new ProtocolError(
      "not-found",
      `there is no model ${digest}: upload it first with PUT /api/v1/admin/models/${digest}`,
    );
  }
  const source = {
    totalBytes: object.size,
    read: (begin: number, end: number) => readBlobRange(bucket, digest, begin, end),
  };
  const model = await formats.openModel(source, network);
  return { digest, ...model };
}
