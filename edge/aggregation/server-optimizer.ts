import type { ServerOptimizer } from "../../protocol/round/campaign-config.ts";

/** Moments an optimiser keeps from round to round, one value per coordinate each. */
interface MomentsKept {
  readonly first: boolean;
  readonly second: boolean;
}

/** State of one slice; an array is there when the optimiser keeps it. */
interface Moments {
  readonly first?: Float32Array | undefined;
  readonly second?: Float32Array | undefined;
}

/** Which moments are kept: none for SGD without momentum, both for Adam and Yogi. */
export function momentsKept(optimizer: ServerOptimizer): MomentsKept {
  if (optimizer.kind === "sgd") return { first: optimizer.momentum > 0, second: false };
  return { first: true, second: true };
}

/** Value that every second moment starts with: τ² (Reddi et al. 2021, algorithm 2). */
export function initialSecondMoment(optimizer: ServerOptimizer): number {
  return optimizer.kind === "sgd" ? 0 : optimizer.tau ** 2;
}

/**
 * One step of the server's optimiser on a slice, in place (Reddi et al. 2021, algorithm 2; SPEC
 * O2). Arithmetic is float64; θ and the moments are rounded to float32 when stored.
 *
 * @param rate η, the server's learning rate as it applies in this round (SPEC O3)
 * @param theta the student's slice, float32, overwritten
 * @param delta Δ, the combined update: a descent direction
 * @param moments as `momentsKept` says, overwritten
 * @throws TypeError when a moment is missing.
 *
 * @example
 * serverStep({ kind: "sgd", learningRate: 1, momentum: 0 }, 1, theta, delta, {}); // θ ← θ − Δ
 */
export function serverStep(
  optimizer: ServerOptimizer,
  rate: number,
  theta: Float32Array,
  delta: Float64Array,
  moments: Moments,
): void {
  const kept = momentsKept(optimizer);
  const { first, second } = moments;
  if ((kept.first && first === undefined) || (kept.second && second === undefined)) {
    throw new TypeError(`the ${optimizer.kind} optimiser lacks a moment`);
  }
  if (optimizer.kind === "sgd") {
    for (let i = 0; i < theta.length; i++) {
      let step = delta[i]!;
      if (first !== undefined) {
        step += optimizer.momentum * first[i]!;
        first[i] = step;
      }
      theta[i] = theta[i]! - rate * step;
    }
    return;
  }
  const { kind, beta1, beta2, tau } = optimizer;
  for (let i = 0; i < theta.length; i++) {
    const d = delta[i]!;
    const square = d * d;
    const m = beta1 * first![i]! + (1 - beta1) * d;
    const before = second![i]!;
    const v =
      kind === "adam"
        ? beta2 * before + (1 - beta2) * square
        : before - (1 - beta2) * square * Math.sign(before - square);
    first![i] = m;
    second![i] = v;
    theta[i] = theta[i]! - (rate * m) / (Math.sqrt(v) + tau);
  }
}

/** Indices [from, to) of a slice. */
export interface IndexRange {
  readonly from: number;
  readonly to: number;
}

/**
 * Averages running statistics: r ← r − Δ in place; a variance that rounding turns negative is 0
 * (SPEC O4).
 *
 * @param variances where running variances lie in the slice
 */
export function averageStatistics(
  statistics: Float32Array,
  delta: Float64Array,
  variances: readonly IndexRange[],
): void {
  for (let i = 0; i < statistics.length; i++) statistics[i] = statistics[i]! - delta[i]!;
  for (const { from, to } of variances) {
    for (let i = from; i < to; i++) if (statistics[i]! < 0) statistics[i] = 0;
  }
}
