import type { CheckIns } from "./check-ins.ts";
import type { ParticipantContext } from "./context.ts";
import { askAboutImages, type MisfitAnswer } from "./image-fit.ts";
import type { LocalTrainer } from "./local-trainer.ts";
import { RoundOver } from "./round-over.ts";
import type { VerifiedCampaign } from "./verify-campaign.ts";

export interface BeforeRounds {
  readonly campaign: VerifiedCampaign;
  readonly trainer: LocalTrainer;
  readonly checkIns: CheckIns;
  readonly onMisfit: MisfitAnswer;
}

/**
 * What comes before a round's time runs: whether the images are such as the teacher knows, which of them bear
 * what leads it, then the search for what is trained against. Given up when the participant is to leave or the campaign is over.
 *
 * @throws ParticipantError `images-do-not-fit`; StoppedSignal; whatever the trainer throws.
 */
export async function prepareForRounds(
  { campaign, checkIns, onMisfit, trainer }: BeforeRounds,
  context: ParticipantContext,
): Promise<void> {
  const { board } = context;
  const beforeBatch = (): Promise<void> => context.gate();
  await unlessOver(context, (signal) =>
    askAboutImages({ campaign, checkIns, trainer, board, answer: onMisfit, signal, beforeBatch }),
  );
  await unlessOver(context, async (signal) => {
    const { images, setAside } = await trainer.screenImages({
      signal,
      beforeBatch,
      onSearch: (passes, totalPasses) =>
        void board.show({ kind: "screening", passes, totalPasses }),
    });
    board.count({ ...board.totals, setAside });
    if (setAside > 0) board.show({ kind: "screened", images, setAside });
  });
  await unlessOver(context, (signal) =>
    trainer.seekWeaknesses({
      signal,
      beforeBatch,
      onSearch: (searches, totalSearches) =>
        void board.show({ kind: "seeking", searches, totalSearches }),
    }),
  );
}

async function unlessOver(
  context: ParticipantContext,
  work: (signal: AbortSignal) => Promise<void>,
): Promise<void> {
  const { controls, endings } = context;
  await context.gate();
  try {
    await work(AbortSignal.any([controls.leaving, endings.campaign]));
  } catch (error) {
    // The next check-in tells how the campaign ended.
    if (!(error instanceof RoundOver)) throw error;
  }
}
