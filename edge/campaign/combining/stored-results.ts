import { concurrently } from "../../../protocol/concurrently.ts";
import type { Transact } from "../store/ledger.ts";
import { stillCombines, type CombiningPlan } from "./combining-plan.ts";

/**
 * Results of all parts of an attempt that combines, in ascending order; each is stored as it comes, so
 * that what was done before a crash is not done again.
 *
 * @param pass tells one kind of work on a part from another
 * @returns undefined when the attempt stopped combining meanwhile.
 */
export async function storedResults<T>(
  transact: Transact,
  { attempt }: CombiningPlan,
  pass: string,
  parts: readonly number[],
  work: (part: number) => Promise<T>,
): Promise<ReadonlyMap<number, T> | undefined> {
  const done = transact((ledger) => ledger.uploads.sliceResults<T>(attempt, pass));
  const missing = parts.filter((part) => !done.has(part));
  let stopped = false;
  await concurrently(missing, async (part) => {
    if (stopped) return;
    const result = await work(part);
    transact((ledger) => {
      // Other requests ran meanwhile: the campaign may have been paused or aborted. What was not kept
      // is missing, even if it has been resumed since.
      stopped ||= !stillCombines(ledger, attempt);
      if (stopped) return;
      ledger.uploads.saveSliceResult(attempt, pass, part, result);
      // It comes forward: failures in a row are those since.
      if (attempt.failures > 0) ledger.rounds.update(attempt, { failures: 0 });
    });
  });
  if (stopped) return undefined;
  return transact((ledger) => ledger.uploads.sliceResults<T>(attempt, pass));
}
