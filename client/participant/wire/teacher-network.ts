import { bytesInMemory, type ByteSource } from "../../../protocol/formats/byte-source.ts";
import { openModel } from "../../../protocol/formats/import-model.ts";
import type { RecognisedModel } from "../../../protocol/model/recognise.ts";
import type { CampaignView } from "../../../protocol/round/access.ts";
import type { BlobFetchOptions } from "./blob-fetch.ts";
import { ConnectionError } from "./connection-error.ts";
import { retrying } from "./retry.ts";

/**
 * The teacher's network without its weights: of its file only what tells names and shapes is fetched. It is
 * not checked against the digest, so nothing may come of it but going on or not.
 *
 * @throws ProtocolError as `openModel`.
 */
export async function fetchTeacherNetwork(
  { config, model: { bytes, digest } }: Pick<CampaignView, "config" | "model">,
  options: BlobFetchOptions,
): Promise<RecognisedModel> {
  const cached = await options.cache.get(digest);
  const source = cached === undefined ? remoteFile(digest, bytes, options) : bytesInMemory(cached);
  return await openModel(source, config.network);
}

function remoteFile(digest: string, totalBytes: number, options: BlobFetchOptions): ByteSource {
  const { client, signal } = options;
  return {
    totalBytes,
    read: (begin, end) =>
      retrying(async () => {
        const response = await client.blob(digest, begin, signal, end);
        const got = await response.arrayBuffer().catch((cause: unknown) => {
          signal.throwIfAborted();
          throw brokeOff({ cause });
        });
        client.countReceived(got.byteLength);
        // A coordinator may send all of a file where part of it was asked for.
        const from = response.status === 206 ? 0 : begin;
        if (got.byteLength < from + end - begin) throw brokeOff();
        return new Uint8Array(got, from, end - begin);
      }, options),
  };
}

function brokeOff(options?: ErrorOptions): ConnectionError {
  return new ConnectionError(
    "interrupted",
    "the head of the teacher's file broke off on its way",
    options,
  );
}
