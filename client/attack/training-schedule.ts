import * as z from "zod";
import { learningRateAt } from "../../protocol/round/schedule.ts";

/** How the learning rate falls over a training. */
export const scheduleSchema = z.discriminatedUnion("kind", [
  z.strictObject({ kind: z.literal("cosine") }),
  z.strictObject({
    kind: z.literal("multi-step"),
    /** Epochs at whose beginning the rate is multiplied by `factor`. */
    milestones: z.array(z.int().min(1)),
    factor: z.number().gt(0).lt(1),
  }),
]);

export type TrainingSchedule = z.infer<typeof scheduleSchema>;

/**
 * Learning rate of a step: the cosine that campaigns use, step by step; or constant but for a factor
 * at each milestone (PyTorch's MultiStepLR).
 *
 * @param step counted from the beginning of the training.
 * @param length steps of an epoch, and epochs.
 */
export function scheduledRate(
  schedule: TrainingSchedule,
  peak: number,
  step: number,
  length: { readonly stepsPerEpoch: number; readonly epochs: number },
): number {
  const { stepsPerEpoch, epochs } = length;
  if (schedule.kind === "cosine") {
    return learningRateAt({ step, totalSteps: epochs * stepsPerEpoch }, peak);
  }
  const epoch = Math.floor(step / stepsPerEpoch);
  const passed = schedule.milestones.filter((milestone) => milestone <= epoch).length;
  return peak * schedule.factor ** passed;
}
