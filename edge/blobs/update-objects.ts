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
 * Deletes a campaign's updates of the attempts before one, which are over: later ones may begin while
 * this is under way. May be killed and repeated at any point.
 *
 * @param needed the first attempt that is still needed, if any is
 */
export async function sweepUpdates(
  bucket: Pick<R2Bucket, "list" | "delete">,
  campaign: string,
  needed: AttemptId | undefined,
): Promise<void> {
  const prefix = campaignPrefix(campaign);
  const isOver = (key: string): boolean => {
    const [round, attempt] = key.slice(prefix.length).split("/", 2).map(Number);
    if (needed === undefined) return true;
    return round! < needed.round || (round === needed.round && attempt! < needed.attempt);
  };
  let cursor: string | undefined;
  do {
    const page = await bucket.list({ prefix, limit: 1000, ...(cursor && { cursor }) });
    const doomed = page.objects.map((object) => object.key).filter((key) => isOver(key));
    if (doomed.length > 0) await bucket.delete(doomed);
    cursor = page.truncated ? page.cursor : undefined;
  } while (cursor !== undefined);
}
