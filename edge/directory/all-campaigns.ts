import { ProtocolError } from "../../protocol/errors.ts";
import type { ListedCampaign, UnreadableCampaign } from "../../protocol/round/reports.ts";
import type { Campaign } from "../campaign/campaign.ts";
import type { CampaignFigures } from "../campaign/reports.ts";
import type { Environment } from "../environment.ts";
import { unwrap, type Outcome } from "../outcome.ts";
import { concurrently } from "../../protocol/concurrently.ts";
import type { Directory } from "./directory.ts";

/** The one directory. */
export function directoryOf(environment: Environment): DurableObjectStub<Directory> {
  return environment.DIRECTORY.getByName("campaigns");
}

/**
 * All campaigns, oldest first; one that fails says so and keeps no other from being listed. Asking
 * wakes each, which sets its alarm again if it was lost.
 */
export async function allSummaries(environment: Environment): Promise<ListedCampaign[]> {
  return await askAll(environment, (campaign) => campaign.summary());
}

/** Figures of all campaigns, oldest first, or why one has none. */
export async function allFigures(
  environment: Environment,
): Promise<(CampaignFigures | UnreadableCampaign)[]> {
  return await askAll(environment, (campaign) => campaign.figures());
}

async function askAll<T>(
  environment: Environment,
  ask: (campaign: DurableObjectStub<Campaign>) => Promise<Outcome<T>>,
): Promise<(T | UnreadableCampaign)[]> {
  const ids = await directoryOf(environment).list();
  return await concurrently(ids, async (id) => {
    try {
      return unwrap(await ask(environment.CAMPAIGN.getByName(id)));
    } catch (error) {
      if (error instanceof ProtocolError) return { id, unreadable: error.message };
      console.error(error);
      return { id, unreadable: "the coordinator failed while it read it; its log says why" };
    }
  });
}
