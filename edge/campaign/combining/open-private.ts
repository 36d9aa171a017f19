import { pauseWith } from "../rounds/pauses.ts";
import { voidAttempt } from "../rounds/transitions.ts";
import {
  isRefusal,
  openTotals,
  openWork,
  sumToOpen,
  type SumToOpen,
} from "../hidden/open-round.ts";
import type { Privacy } from "../../../protocol/round/privacy.ts";
import type { Transact } from "../store/ledger.ts";
import { commitRound } from "./close-round.ts";
import { stillCombines, type CombiningPlan } from "./combining-plan.ts";
import { eachSlice } from "./each-slice.ts";
import type { SliceWorkers } from "./slice-workers.ts";
import { storedResults } from "./stored-results.ts";

/**
 * Brings a private round to its end (SPEC M9.5): the totals first, by which the helper decides on the set,
 * then slice by slice. Each result is stored; a repeat asks for the same set and gets the same.
 */
export async function drivePrivate(
  transact: Transact,
  plan: CombiningPlan,
  workers: SliceWorkers,
  privacy: Privacy,
): Promise<void> {
  const set = transact((ledger, now) => {
    try {
      return sumToOpen(ledger, plan, privacy);
    } catch (error) {
      if (!isRefusal(error)) throw error;
      if (stillCombines(ledger, plan.attempt)) {
        voidAttempt(ledger, plan.attempt, `${error.message}; nothing of it was opened`, now);
      }
      return undefined;
    }
  });
  if (set === undefined) return;
  try {
    await open(transact, plan, workers, set);
  } catch (error) {
    if (!isRefusal(error)) throw error;
    transact((ledger) => {
      if (!stillCombines(ledger, plan.attempt)) return;
      pauseWith(
        ledger,
        `the helper does not open round ${plan.attempt.round}: ${error.message}. The set of a round that combines does not change, so this one does not go on: abort the campaign, and begin a new one from what it came to`,
      );
    });
  }
}

async function open(
  transact: Transact,
  plan: CombiningPlan,
  workers: SliceWorkers,
  set: SumToOpen,
): Promise<void> {
  const { slices } = plan.campaign;
  const totals = await storedResults(transact, plan, "totals", [0], () =>
    openTotals(set, slices.length),
  );
  if (totals === undefined) return;
  const combined = await eachSlice(transact, plan, "combine", slices, (slice) =>
    workers.open(transact((ledger) => openWork(ledger, plan, set.terms, slice))),
  );
  if (combined === undefined) return;
  transact((ledger, now) => {
    if (stillCombines(ledger, plan.attempt)) {
      commitRound(ledger, plan, [], combined, now, { opened: totals.get(0)! });
    }
  });
}
