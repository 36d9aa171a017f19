/** Where a step stands in the whole campaign, so that every participant agrees (SPEC D2). */
export interface Progress {
  /** s: steps taken before this one, in all rounds. */
  readonly step: number;
  /** S: steps of the whole campaign. */
  readonly totalSteps: number;
}

export interface TemperatureRange {
  readonly from: number;
  readonly to: number;
}

/** From 1 to 4, as in the released code of Pang et al. 2023. */
const RELEASED_TEMPERATURE: TemperatureRange = { from: 1, to: 4 };

/**
 * T = from + (to − from)·(s + 1)/S: reaches `to` in the last step (SPEC D2).
 *
 * @throws RangeError when the step is not one of the campaign's.
 */
export function temperatureAt(
  progress: Progress,
  { from, to }: TemperatureRange = RELEASED_TEMPERATURE,
): number {
  check(progress);
  return from + ((to - from) * (progress.step + 1)) / progress.totalSteps;
}

/**
 * η·½(1 + cos(π·s/S)): η at the first step, towards zero at the last (Loshchilov and Hutter 2017,
 * without restarts; SPEC D2).
 *
 * @throws RangeError when the step is not one of the campaign's.
 */
export function learningRateAt(progress: Progress, peak: number): number {
  check(progress);
  return peak * 0.5 * (1 + Math.cos((Math.PI * progress.step) / progress.totalSteps));
}

/**
 * What the learning rate is multiplied by while it rises: (s + 1)/(w·S), 1 from there on (SPEC D2). A student
 * that begins as its teacher has nothing to learn yet from clean images, and large steps along what copies
 * alone say destroy what few images do not bring back (linear warm-up; Goyal et al. 2017).
 *
 * @param share w, of the campaign's steps; 0: the rate begins at its peak
 * @throws RangeError when the step is not one of the campaign's.
 */
export function warmUpAt(progress: Progress, share: number): number {
  check(progress);
  const { step, totalSteps } = progress;
  return Math.min(1, (step + 1) / (share * totalSteps));
}

function check({ step, totalSteps }: Progress): void {
  if (Number.isInteger(step) && step >= 0 && step < totalSteps) return;
  throw new RangeError(`step ${step} is not one of the campaign's ${totalSteps} steps`);
}
