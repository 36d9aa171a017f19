import { combinationOf } from "./combination.ts";
import { commitJudging, commitRound } from "./close-round.ts";
import { tryCandidate } from "../trying/try-candidate.ts";
import { combiningPlan, passOf, stillCombines, type CombiningPlan } from "./combining-plan.ts";
import { eachSlice } from "./each-slice.ts";
import { drivePrivate } from "./open-private.ts";
import { combineWork, measureWork } from "./slice-passes.ts";
import type { Ledger, Transact } from "../store/ledger.ts";
import { driveStatistics } from "./pool-statistics.ts";
import type { SliceWorkers } from "./slice-workers.ts";
import { pauseWith } from "../rounds/pauses.ts";
import type { Work } from "../rounds/phases.ts";

/** Failures in a row after which the campaign pauses and says why. */
const MAX_COMBINING_FAILURES = 6;

type Drive = (transact: Transact, plan: CombiningPlan, workers: SliceWorkers) => Promise<void>;

/** What brings each kind of work to its end, from wherever it stands. */
const DRIVES = {
  combine: driveUpdates,
  judge: driveJudging,
  pool: driveStatistics,
} as const satisfies Record<Work, Drive>;

/**
 * Brings the phase at hand to its end, where it is the coordinator's: results of slices are stored one by
 * one, so what was done before a crash is not done again. A failure is stored with a time to try again.
 */
export async function driveCombining(transact: Transact, workers: SliceWorkers): Promise<void> {
  const plan = transact(combiningPlan);
  if (plan === undefined) return;
  try {
    await DRIVES[plan.work](transact, plan, workers);
  } catch (error) {
    transact((ledger, now) => recordFailure(ledger, plan, error, now));
  }
}

async function driveJudging(transact: Transact, plan: CombiningPlan): Promise<void> {
  transact((ledger, now) => {
    if (stillCombines(ledger, plan.attempt)) commitJudging(ledger, plan, now);
  });
}

/** Two passes over all slices: what updates measure, and what is made of them (SPEC O1). */
async function driveUpdates(
  transact: Transact,
  plan: CombiningPlan,
  workers: SliceWorkers,
): Promise<void> {
  const { config, slices } = plan.campaign;
  if (config.privacy !== undefined) {
    return await drivePrivate(transact, plan, workers, config.privacy);
  }
  const measured = await eachSlice(transact, plan, passOf(plan, "measure"), slices, (slice) =>
    workers.measure(transact((ledger) => measureWork(ledger, plan, slice))),
  );
  if (measured === undefined) return;
  const combination = combinationOf(plan, measured);
  const combined = await eachSlice(transact, plan, passOf(plan, "combine"), slices, (slice) =>
    workers.combine(transact((ledger) => combineWork(ledger, plan, combination, slice))),
  );
  if (combined === undefined) return;
  transact((ledger, now) => {
    if (!stillCombines(ledger, plan.attempt)) return;
    if (plan.trial === undefined) commitRound(ledger, plan, combination.sizes, combined, now);
    else tryCandidate(ledger, plan, plan.trial, combined, now);
  });
}

function recordFailure(
  ledger: Ledger,
  { attempt }: CombiningPlan,
  error: unknown,
  now: number,
): void {
  if (!stillCombines(ledger, attempt)) return;
  const failures = (ledger.rounds.current()?.failures ?? 0) + 1;
  const why = error instanceof Error ? error.message : String(error);
  const detail = `combining round ${attempt.round} failed ${failures} times, last because ${why}`;
  console.warn(detail);
  const retryAt = now + 1000 * 2 ** (failures - 1);
  ledger.rounds.update(attempt, { failures, retryAt, detail });
  if (failures < MAX_COMBINING_FAILURES) return;
  pauseWith(ledger, `${detail}: nothing is lost; see to the storage, then resume`);
}
