import type { CampaignConfig } from "./campaign-config.ts";

/** Local steps are to take at most this share of the time to the deadline (SPEC R12). */
const STEP_SHARE = { numerator: 3, denominator: 5 } as const;

/** Fewer steps are not worth a download and an upload (SPEC R13). */
const LEAST_STEPS = 2;

/**
 * Fewest steps that anybody is given (SPEC R13). In a private campaign that is all of them: whoever alone
 * trained otherwise could be told from the sum (M9.10).
 */
export function leastSteps({ distillation, privacy }: CampaignConfig): number {
  return privacy === undefined ? LEAST_STEPS : distillation.localSteps;
}

/** How many local steps a participant gets, or why it gets none. */
export type AssignmentSize =
  | { readonly kind: "steps"; readonly localSteps: number }
  /** The round at hand ends too soon; the next one will do. */
  | { readonly kind: "too-late" }
  | {
      readonly kind: "too-slow";
      /** Slowest speed that would do, rounded up to hundredths. */
      readonly neededImagesPerSecond: number;
    };

/**
 * Sizes one participant's part in a round to what is left of its deadline (SPEC R12, R13):
 * k = min(K, ⌊3/5 · seconds left · images/s / batch size⌋), K the campaign's local steps.
 *
 * @param imagesPerSecond as the participant reported it; k = K without it, and where K is 1.
 * @param remainingMs time to the round's deadline, the whole of it when the round has not begun.
 *
 * @example
 * assignmentSize(config, 40, 900_000); // { kind: "steps", localSteps: 20 }
 */
export function assignmentSize(
  config: CampaignConfig,
  imagesPerSecond: number | undefined,
  remainingMs: number,
): AssignmentSize {
  const { distillation, round } = config;
  const { batchSize, localSteps } = distillation;
  if (imagesPerSecond === undefined || localSteps === 1) return { kind: "steps", localSteps };
  const stepsWithin = (ms: number): number =>
    Math.floor(
      (STEP_SHARE.numerator * ms * imagesPerSecond) / (STEP_SHARE.denominator * 1000 * batchSize),
    );
  const least = leastSteps(config);
  if (stepsWithin(1000 * round.deadlineSeconds) < least) {
    const needed =
      (least * batchSize * STEP_SHARE.denominator) / (STEP_SHARE.numerator * round.deadlineSeconds);
    return { kind: "too-slow", neededImagesPerSecond: Math.ceil(100 * needed) / 100 };
  }
  const fitting = stepsWithin(remainingMs);
  if (fitting < least) return { kind: "too-late" };
  return { kind: "steps", localSteps: Math.min(localSteps, fitting) };
}
