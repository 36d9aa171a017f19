import type { CampaignSummary } from "../../protocol/round/reports.ts";
import type { CampaignFigures } from "../campaign/reports.ts";
import type { Environment } from "../environment.ts";
import { unwrap } from "../outcome.ts";
import { concurrently } from "../slice/concurrently.ts";
import type { Directory } from "./directory.ts";

/** The one directory. */
export function directoryOf(environment: Environment): DurableObjectStub<Directory> {
  return environment.DIRECTORY.getByName("campaigns");
}

/** All campaigns, oldest first. Asking wakes each, which sets its alarm again if it was lost. */
export async function allSummaries(environment: Environment): Promise<CampaignSummary[]> {
  const ids = await directoryOf(environment).list();
  return await concurrently(ids, async (id) =>
    unwrap(await environment.CAMPAIGN.getByName(id).summary()),
  );
}

/** Figures of all campaigns, oldest first. */
export async function allFigures(environment: Environment): Promise<CampaignFigures[]> {
  const ids = await directoryOf(environment).list();
  return await concurrently(ids, async (id) =>
    unwrap(await environment.CAMPAIGN.getByName(id).figures()),
  );
}
