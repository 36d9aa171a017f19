import { env } from "cloudflare:workers";
import { runInDurableObject } from "cloudflare:test";
import type { Campaign } from "../../edge/campaign/campaign.ts";
import { CampaignStore } from "../../edge/campaign/store/campaign-store.ts";
import { driveCombining } from "../../edge/campaign/combining/combining.ts";
import { startFromStatistics } from "../../edge/campaign/start/initialise-student.ts";
import type { Transact, Ledger } from "../../edge/campaign/store/ledger.ts";
import { Roster } from "../../edge/campaign/store/roster.ts";
import { RoundStore } from "../../edge/campaign/store/round-store.ts";
import { beginCombining } from "../../edge/campaign/rounds/transitions.ts";
import { UploadStore } from "../../edge/campaign/store/upload-store.ts";
import { control } from "./coordinator.ts";

/** The kill that no handler survives. */
class Killed extends Error {}

function ledgerOf(storage: DurableObjectStorage): Ledger {
  const { sql: database } = storage;
  return {
    campaign: new CampaignStore(database),
    rounds: new RoundStore(database),
    uploads: new UploadStore(database),
    roster: new Roster(database),
    announce: () => undefined,
  };
}

/** Combines within the object until the `steps`-th transaction, then dies there. */
export function combineUntil(id: string, steps: number): Promise<"finished" | "killed"> {
  return runInDurableObject(control(id), async (_: Campaign, { storage }) => {
    const ledger = ledgerOf(storage);
    beginCombining(ledger, ledger.rounds.current()!, Date.now());
    let step = 0;
    const transact: Transact = (body) => {
      step++;
      if (step > steps) throw new Killed();
      return storage.transactionSync(() => body(ledger, Date.now()));
    };
    try {
      await driveCombining(transact, {
        measure: (work) => env.SLICE.getByName(`${id}/${work.slice.index}`).measure(work),
        combine: (work) => env.SLICE.getByName(`${id}/${work.slice.index}`).combine(work),
        pool: (work) => env.SLICE.getByName(`${id}/0`).pool(work),
        start: (statistics, strength) =>
          startFromStatistics(env, ledger.campaign.read(), statistics, strength),
      });
      return "finished";
    } catch (error) {
      if (error instanceof Killed) return "killed";
      throw error;
    }
  });
}
