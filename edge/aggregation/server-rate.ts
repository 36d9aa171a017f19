import type { CampaignConfig } from "../../protocol/round/campaign-config.ts";
import { learningRateAt } from "../../protocol/round/schedule.ts";

/**
 * Learning rate of the server's optimiser in a round (SPEC O3). At one local step participants send
 * gradients, so the schedule of SPEC D2 is the server's to apply.
 *
 * @param round counts from 0
 */
export function serverRate(config: CampaignConfig, round: number): number {
  const { learningRate, localSteps, rounds } = config.distillation;
  const server = config.aggregation.server.learningRate;
  if (localSteps > 1) return server;
  return server * learningRateAt({ step: round, totalSteps: rounds }, learningRate);
}
