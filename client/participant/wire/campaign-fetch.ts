import type { CampaignView } from "../../../protocol/round/access.ts";
import { fetchBlob, type BlobFetchOptions } from "./blob-fetch.ts";
import { verifyCampaign, type VerifiedCampaign } from "../verify-campaign.ts";

export interface CampaignFetchOptions extends BlobFetchOptions {
  /** Told the bytes of each piece of the teacher as it comes in. */
  readonly onBytes: (bytes: number) => void;
  /** Told when all is there and checking begins. */
  readonly onFetched: () => void;
}

/**
 * Fetches what a campaign starts from, the teacher and the statistics where it names any, and verifies
 * it all (SPEC I1, B6).
 *
 * @throws ParticipantError `campaign-not-verified`, ProtocolError as `verifyCampaign`.
 */
export async function fetchCampaign(
  view: CampaignView,
  { onBytes, onFetched, ...options }: CampaignFetchOptions,
): Promise<VerifiedCampaign> {
  const { model, statistics: pooled } = view;
  const { digest, bytes, length, trainableLength } = model;
  const file = await fetchBlob({ digest, bytes, what: "the teacher", onBytes }, options);
  const request = {
    digest: pooled ?? "",
    bytes: 4 * (length - trainableLength),
    what: "the pooled statistics",
  };
  const statistics = pooled === null ? undefined : await fetchBlob(request, options);
  onFetched();
  return verifyCampaign(view, file, statistics);
}
