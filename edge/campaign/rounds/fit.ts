import { ProtocolError } from "../../../protocol/errors.ts";
import { robustMinimum } from "../../../protocol/round/campaign-config.ts";
import { campaignMisfit, misfitOf, type Fit, type Misfit } from "../../../protocol/round/fit.ts";
import type { CampaignRecord } from "../store/campaign-store.ts";
import type { Ledger } from "../store/ledger.ts";

/** What rounding may add to a mean of answers. */
const ROUNDING = 1e-3;

/**
 * Keeps what a participant told of its images (SPEC F1).
 *
 * @throws ProtocolError `malformed-request` for figures that no answers of this model have.
 */
export function takeFit(ledger: Ledger, participant: string, fit: Fit): void {
  const { config, model } = ledger.campaign.read();
  if (config.fit === null) {
    throw refusal("images", "this campaign does not ask for it: leave fit out");
  }
  if (fit.images > config.fit.images) {
    throw refusal("images", `${fit.images}, the campaign asks about ${config.fit.images} at most`);
  }
  if (fit.entropy > Math.log(model.classes) + ROUNDING) {
    throw refusal("entropy", `${fit.entropy} is more than ${model.classes} classes can have`);
  }
  if (fit.confidence < 1 / model.classes - ROUNDING) {
    throw refusal("confidence", `${fit.confidence} is less than ${model.classes} classes can have`);
  }
  ledger.roster.setFit(participant, fit);
}

function refusal(field: string, why: string): ProtocolError {
  return new ProtocolError("malformed-request", `fit.${field}: ${why}`);
}

/** Why pictures that a participant told of do not fit; undefined where they do (SPEC F2). */
export function misfitIn(
  { config, model }: Pick<CampaignRecord, "config" | "model">,
  fit: Fit | null,
): Misfit | undefined {
  if (config.fit === null || fit === null) return undefined;
  return misfitOf(fit, config.fit, model.classes);
}

/**
 * Why a campaign is not to go on as it is: its participants' pictures do not fit the teacher (SPEC F3).
 * Looked at before the first round is combined, and once: who resumes it has seen the reason.
 *
 * @param isLast whether that round is about to be combined
 */
export function misfitStops(
  ledger: Ledger,
  { committed, config, model, stoppedForFit }: CampaignRecord,
  isLast: boolean,
): string | undefined {
  if (config.fit === null || committed > 0 || stoppedForFit === 1) return undefined;
  return campaignMisfit({
    fits: ledger.roster.fits(),
    settings: config.fit,
    classes: model.classes,
    fewest: robustMinimum(config.round),
    goal: config.round.goal,
    isLast,
  });
}

/** Of participants who told whether their pictures fit, and those whose do not (SPEC F2). */
export function picturesFitting(ledger: Ledger): { readonly told: number; readonly unfit: number } {
  const campaign = ledger.campaign.read();
  const told = ledger.roster.participants().filter(({ fit, revoked }) => fit !== null && !revoked);
  const unfit = told.filter(({ fit }) => misfitIn(campaign, fit) !== undefined);
  return { told: told.length, unfit: unfit.length };
}
