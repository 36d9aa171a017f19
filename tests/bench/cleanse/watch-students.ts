import type { Assignment } from "../../../protocol/round/assignment.ts";
import type { TrainerSource } from "../../../client/participant/local-trainer.ts";

/** The student that a round began with, as a participant was given it. */
export interface SeenStudent extends Pick<Assignment, "round" | "leg"> {
  readonly isJudging: boolean;
  /** Whole state vector; the participant's own, not to be kept. */
  readonly student: Float32Array;
}

/**
 * A participant's training that shows each round's student before it works on it. The campaign goes
 * as without: nothing of what was seen flows back.
 *
 * @param look awaited in the participant's turn, when nothing else uses the device.
 */
export function watchingStudents(
  training: TrainerSource,
  look: (seen: SeenStudent) => Promise<void>,
): TrainerSource {
  return {
    device: training.device,
    prepare: async (shape) => await training.prepare?.(shape),
    async open(campaign) {
      const trainer = await training.open(campaign);
      return {
        measureFit: (work) => trainer.measureFit(work),
        measure: (hooks) => trainer.measure(hooks),
        screenImages: (work) => trainer.screenImages(work),
        seekWeaknesses: (work) => trainer.seekWeaknesses(work),
        async score(work) {
          const { round, leg, isJudging, student } = work;
          await look({ round, leg, isJudging, student });
          return await trainer.score(work);
        },
        compare: (work) => trainer.compare(work),
        measureStatistics: (work) => trainer.measureStatistics(work),
        train: (work) => trainer.train(work),
        examine: (student) => trainer.examine(student),
        close: () => trainer.close(),
      };
    },
  };
}
