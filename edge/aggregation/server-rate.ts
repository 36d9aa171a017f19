import type { CampaignConfig } from "../../protocol/round/campaign-config.ts";
import { localOptimizer } from "../../protocol/round/local-optimizer.ts";
import { learningRateAt, warmUpAt } from "../../protocol/round/schedule.ts";
import type { Place } from "../../protocol/round/timeline.ts";

/**
 * Learning rate of the server's optimiser in a round (SPEC O3). At one local step participants send
 * gradients, so the schedule of SPEC D2 is the server's to apply.
 *
 * @param place the round's, in its leg
 */
export function serverRate(
  config: CampaignConfig,
  { startStep, totalSteps }: Pick<Place, "startStep" | "totalSteps">,
): number {
  const { localSteps } = config.distillation;
  const { learningRate, warmUp } = localOptimizer(config.distillation);
  const server = config.aggregation.server.learningRate;
  if (localSteps > 1) return server;
  const progress = { step: startStep, totalSteps };
  return server * warmUpAt(progress, warmUp) * learningRateAt(progress, learningRate);
}
