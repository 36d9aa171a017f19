import { env } from "cloudflare:workers";
import { runInDurableObject } from "cloudflare:test";
import type { Campaign } from "../../edge/campaign/campaign.ts";
import { CampaignStore } from "../../edge/campaign/store/campaign-store.ts";
import { driveCombining } from "../../edge/campaign/combining/combining.ts";
import { sliceWorkers } from "../../edge/campaign/combining/slice-workers.ts";
import type { Transact, Ledger } from "../../edge/campaign/store/ledger.ts";
import { Roster } from "../../edge/campaign/store/roster.ts";
import { ChainStore } from "../../edge/campaign/store/chain-store.ts";
import { CommitStore } from "../../edge/campaign/store/commit-store.ts";
import { RoundStore } from "../../edge/campaign/store/round-store.ts";
import { advance } from "../../edge/campaign/rounds/transitions.ts";
import { TrialStore } from "../../edge/campaign/store/trial-store.ts";
import { UploadStore } from "../../edge/campaign/store/upload-store.ts";
import { control } from "./coordinator.ts";

/** The kill that no handler survives. */
class Killed extends Error {}

function ledgerOf(storage: DurableObjectStorage): Ledger {
  const { sql: database } = storage;
  return {
    campaign: new CampaignStore(database),
    rounds: new RoundStore(database),
    commits: new CommitStore(database),
    uploads: new UploadStore(database),
    trials: new TrialStore(database),
    roster: new Roster(database),
    chain: new ChainStore(database),
    announce: () => undefined,
  };
}

/** Does something within the object, by its ledger. */
export function within<T>(
  id: string,
  work: (transact: Transact, ledger: Ledger) => Promise<T>,
): Promise<T> {
  return runInDurableObject(control(id), (_: Campaign, { storage }) => {
    const ledger = ledgerOf(storage);
    return work((body) => storage.transactionSync(() => body(ledger, Date.now())), ledger);
  });
}

/** Combines within the object until the `steps`-th transaction, then dies there. */
export function combineUntil(id: string, steps: number): Promise<"finished" | "killed"> {
  return runInDurableObject(control(id), async (_: Campaign, { storage }) => {
    const ledger = ledgerOf(storage);
    advance(ledger, ledger.rounds.current()!, Date.now());
    let step = 0;
    const transact: Transact = (body) => {
      step++;
      if (step > steps) throw new Killed();
      return storage.transactionSync(() => body(ledger, Date.now()));
    };
    try {
      await driveCombining(transact, sliceWorkers(env, ledger.campaign.read()));
      return "finished";
    } catch (error) {
      if (error instanceof Killed) return "killed";
      throw error;
    }
  });
}
