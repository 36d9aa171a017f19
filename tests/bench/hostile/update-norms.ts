import type { TrainerSource } from "../../../client/participant/local-trainer.ts";
import { normOf } from "./forgeries.ts";

/** Lengths of one update, before its values were rounded to travel. */
export interface UpdateNorms {
  readonly round: number;
  readonly seat: number;
  readonly trainable: number;
  readonly statistics: number;
}

/** A participant's training that tells how long each update is. */
export function measuredTraining(
  training: TrainerSource,
  seat: number,
  tell: (norms: UpdateNorms) => void,
): TrainerSource {
  return {
    device: training.device,
    prepare: async (shape) => await training.prepare?.(shape),
    async open(campaign) {
      const { trainableLength } = campaign.layout;
      const trainer = await training.open(campaign);
      return {
        // What is assigned must not hang on how busy this machine is (SPEC R12).
        measure: () => Promise.resolve(BELIEVED_SPEED),
        measureFit: (work) => trainer.measureFit(work),
        screenImages: (work) => trainer.screenImages(work),
        seekWeaknesses: (work) => trainer.seekWeaknesses(work),
        score: (work) => trainer.score(work),
        compare: (work) => trainer.compare(work),
        measureStatistics: (work) => trainer.measureStatistics(work),
        async train(work) {
          const result = await trainer.train(work);
          const { update } = result;
          tell({
            round: work.round,
            seat,
            trainable: normOf(update.subarray(0, trainableLength)),
            statistics: normOf(update.subarray(trainableLength)),
          });
          return result;
        },
        examine: (student) => trainer.examine(student),
        close: () => trainer.close(),
      };
    },
  };
}

const BELIEVED_SPEED = 1000;

/**
 * How many times as long as the round's median the longest update of `seats` was, the most over rounds;
 * null where they sent none.
 */
export function longestOverMedian(
  norms: readonly UpdateNorms[],
  {
    first,
    seats,
    section,
  }: {
    readonly first: number;
    readonly seats: number;
    readonly section: "trainable" | "statistics";
  },
): number | null {
  const rounds = new Set(norms.map(({ round }) => round).filter((round) => round >= first));
  const ratios = [...rounds].flatMap((round) => {
    // Of several tries in a round, the last one was taken.
    const last = new Map(
      norms.filter((norm) => norm.round === round).map((norm) => [norm.seat, norm]),
    );
    const all = [...last.values()];
    const theirs = all.filter(({ seat }) => seat < seats).map((norm) => norm[section]);
    if (theirs.length === 0) return [];
    return [Math.max(...theirs) / median(all.map((norm) => norm[section]))];
  });
  return ratios.length === 0 ? null : Math.max(...ratios);
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}
