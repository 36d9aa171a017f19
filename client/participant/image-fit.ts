import { misfitOf, type Misfit } from "../../protocol/round/fit.ts";
import type { CheckIns } from "./check-ins.ts";
import { ParticipantError } from "./participant-error.ts";
import type { StatusBoard } from "./status-board.ts";
import type { LocalTrainer } from "./local-trainer.ts";
import type { VerifiedCampaign } from "./verify-campaign.ts";

/** A person's word on pictures that do not seem to be such as the model was trained on. */
export type MisfitAnswer = (misfit: Misfit) => Promise<"go-on" | "leave"> | "go-on" | "leave";

export interface ImageFitOptions {
  readonly campaign: VerifiedCampaign;
  readonly trainer: Pick<LocalTrainer, "measureFit">;
  readonly checkIns: Pick<CheckIns, "fitIs" | "tellUndecided">;
  readonly board: Pick<StatusBoard, "show">;
  readonly answer: MisfitAnswer;
  /** Its reason is thrown. */
  readonly signal: AbortSignal;
  /** Awaited before every batch of images. */
  readonly beforeBatch: () => Promise<void>;
}

/**
 * Asks the teacher what it makes of the participant's images, and where they do not fit, a person
 * whether to go on (SPEC F1, F2). The coordinator hears of it before the answer: when nobody's pictures
 * fit, everybody may leave.
 *
 * @throws ParticipantError `images-do-not-fit` when the answer is no; the signal's reason.
 */
export async function askAboutImages(options: ImageFitOptions): Promise<void> {
  const { answer, beforeBatch, board, campaign, checkIns, signal, trainer } = options;
  const { config, model } = campaign.view;
  if (config.fit === null) return;
  board.show({ kind: "fitting" });
  const fit = await trainer.measureFit({ signal, beforeBatch });
  if (fit === null) return;
  checkIns.fitIs(fit);
  const misfit = misfitOf(fit, config.fit, model.classes);
  if (misfit === undefined) return;
  const { kind } = await checkIns.tellUndecided();
  // The next check-in says so.
  if (kind === "ended") return;
  board.show({ kind: "asking", misfit });
  if ((await unlessAborted(answer(misfit), signal)) === "go-on") return;
  throw new ParticipantError(
    "images-do-not-fit",
    `these images do not look like what this model was trained on: ${misfit.detail}`,
  );
}

/** The answer may never come. */
async function unlessAborted<T>(answer: Promise<T> | T, signal: AbortSignal): Promise<T> {
  signal.throwIfAborted();
  const aborted = Promise.withResolvers<never>();
  const stop = (): void => aborted.reject(signal.reason as Error);
  signal.addEventListener("abort", stop, { once: true });
  try {
    return await Promise.race([answer, aborted.promise]);
  } finally {
    signal.removeEventListener("abort", stop);
  }
}
