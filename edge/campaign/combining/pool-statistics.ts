import { candidatesOf } from "../../../protocol/round/timeline.ts";
import { teacherOf } from "../../blobs/model-source.ts";
import { updateKey } from "../../blobs/update-objects.ts";
import type { PoolWork } from "../../slice/slice-work.ts";
import type { StartRecord } from "../store/campaign-store.ts";
import type { Transact } from "../store/ledger.ts";
import { commitStatistics } from "./close-round.ts";
import { stillCombines, type CombiningPlan } from "./combining-plan.ts";
import type { SliceWorkers } from "./slice-workers.ts";
import { storedResults } from "./stored-results.ts";
import { voidAttempt } from "../rounds/transitions.ts";

/**
 * Brings a statistics round to its end (SPEC B5, B6): pools what came, then makes mask and student₀ of
 * every candidate, one after the other. Each result is stored, and the same bytes come out of a repeat.
 */
export async function driveStatistics(
  transact: Transact,
  plan: CombiningPlan,
  workers: SliceWorkers,
): Promise<void> {
  const pooled = await storedResults(transact, plan, "pool", [0], () =>
    workers.pool(poolWork(plan)),
  );
  const statistics = pooled?.get(0)?.statistics;
  if (statistics === undefined) return;
  if (statistics === null) {
    const detail = "the statistics pooled from its updates are not finite";
    return transact((ledger, now) => {
      if (stillCombines(ledger, plan.attempt)) voidAttempt(ledger, plan.attempt, detail, now);
    });
  }
  const starts: StartRecord[] = [];
  for (const [candidate, { strength }] of candidatesOf(plan.campaign.config).entries()) {
    const made = await storedResults(transact, plan, "start", [candidate], () =>
      workers.start(statistics, strength),
    );
    if (made === undefined) return;
    starts.push(made.get(candidate)!);
  }
  transact((ledger, now) => {
    if (stillCombines(ledger, plan.attempt)) {
      commitStatistics(ledger, plan, { statistics, starts }, now);
    }
  });
}

function poolWork({ campaign, attempt, updates }: CombiningPlan): PoolWork {
  const slices = campaign.slices.filter(({ section }) => section === "statistics");
  return {
    model: teacherOf(campaign.config),
    contributions: updates.map(({ participant, slices: digests }) =>
      slices.map(({ index }, i) => {
        const digest = digests[i]!;
        return { key: updateKey(campaign.id, attempt, participant, index, digest), digest };
      }),
    ),
  };
}
