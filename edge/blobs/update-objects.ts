/** Updates lie apart from blobs: no route serves them, and they go once their round is over. */
function campaignPrefix(campaign: string): string {
  return `updates/${campaign}/`;
}

/** One try at one round. */
export interface AttemptId {
  readonly round: number;
  readonly attempt: number;
}

/** Where one participant's frame of one slice lies. */
export function updateKey(
  campaign: string,
  { round, attempt }: AttemptId,
  participant: string,
  slice: number,
  digest: string,
): string {
  return `${campaignPrefix(campaign)}${round}/${attempt}/${participant}/${slice}-${digest}`;
}

/**
 * Deletes a campaign's updates of all attempts but one. May be killed and repeated at any point.
 *
 * @param keep the attempt still needed, if any
 */
export async function sweepUpdates(
  bucket: R2Bucket,
  campaign: string,
  keep: AttemptId | undefined,
): Promise<void> {
  const prefix = campaignPrefix(campaign);
  const kept = keep === undefined ? undefined : `${prefix}${keep.round}/${keep.attempt}/`;
  let cursor: string | undefined;
  do {
    const page = await bucket.list({ prefix, limit: 1000, ...(cursor && { cursor }) });
    const doomed = page.objects
      .map((object) => object.key)
      .filter((key) => kept === undefined || !key.startsWith(kept));
    if (doomed.length > 0) await bucket.delete(doomed);
    cursor = page.truncated ? page.cursor : undefined;
  } while (cursor !== undefined);
}
