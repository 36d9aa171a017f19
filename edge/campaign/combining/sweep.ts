import { sweepUpdates } from "../../blobs/update-objects.ts";
import type { Transact } from "../store/ledger.ts";

/** Uploads that were let in but never recorded may still land: sweep again after this, ms. */
const SECOND_SWEEP_MS = 300_000;

/** Deletes updates of attempts that are over, if it is time. Killed halfway it starts anew. */
export async function sweep(
  transact: Transact,
  bucket: Pick<R2Bucket, "list" | "delete">,
): Promise<void> {
  const plan = transact(({ campaign, rounds, uploads }, now) => {
    const { id, sweepAt } = campaign.read();
    if (sweepAt === null || sweepAt > now) return undefined;
    const current = rounds.current();
    const needed = current === undefined || current.endedAt !== null ? undefined : current;
    return { id, sweepAt, needed, isPending: uploads.hasPendingBefore(needed) };
  });
  if (plan === undefined) return;
  const { id, sweepAt, needed, isPending } = plan;
  await sweepUpdates(bucket, id, needed);
  transact(({ campaign, uploads }, now) => {
    uploads.forgetBefore(needed);
    // Unless another attempt ended while this was sweeping.
    if (campaign.read().sweepAt !== sweepAt) return;
    campaign.update({ sweepAt: isPending ? now + SECOND_SWEEP_MS : null });
  });
}
