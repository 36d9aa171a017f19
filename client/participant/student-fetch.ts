import type { Assignment } from "../../protocol/round/assignment.ts";
import { fetchBlob, type BlobFetchOptions } from "./blob-fetch.ts";
import { stateFromSlices } from "./state-slices.ts";
import type { VerifiedCampaign } from "./verify-campaign.ts";

/** Slices fetched at once. */
const PARALLEL = 4;

/**
 * The round's student from its slices; those that are cached are not fetched again, and blobs of
 * earlier rounds are dropped from the cache.
 *
 * @param onBytes told the bytes of each piece as it comes in.
 */
export async function fetchStudent(
  assignment: Assignment,
  { layout, view }: VerifiedCampaign,
  options: BlobFetchOptions & { readonly onBytes: (bytes: number) => void },
): Promise<Float32Array<ArrayBuffer>> {
  await options.cache.retain(new Set([view.model.digest, ...assignment.student]));
  const slices: Uint8Array[] = [];
  const queue = [...layout.slices];
  const worker = async (): Promise<void> => {
    for (let slice = queue.shift(); slice !== undefined; slice = queue.shift()) {
      slices[slice.index] = await fetchBlob(
        {
          digest: assignment.student[slice.index] ?? "",
          bytes: slice.length * 4,
          what: `slice ${slice.index} of the student`,
          onBytes: options.onBytes,
        },
        options,
      );
    }
  };
  await Promise.all(Array.from({ length: PARALLEL }, worker));
  return stateFromSlices(layout, slices);
}
