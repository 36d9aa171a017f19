import { ProtocolError } from "../../protocol/errors.ts";
import type { NetworkSettings } from "../../protocol/model/network-settings.ts";
import type { CampaignConfig } from "../../protocol/round/campaign-config.ts";
import * as formats from "../../protocol/formats/import-model.ts";
import type { OpenModel } from "../../protocol/formats/open-model.ts";
import { giveBack } from "./give-back.ts";
import { findBlob, readBlobRange } from "./stored-blob.ts";

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
export interface ModelSource extends OpenModel, ModelReference {
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
  const blob = await findBlob(bucket, digest);
  if (blob === undefined) {
    throw new ProtocolError(
      "not-found",
      `there is no model ${digest}: upload it first, with POST /api/v1/admin/models/${digest}`,
    );
  }
  const source = {
    totalBytes: blob.totalBytes,
    read: (begin: number, end: number) => readBlobRange(bucket, blob, begin, end),
    release: giveBack,
  };
  const model = await formats.openModel(source, network);
  return { digest, ...model };
}
