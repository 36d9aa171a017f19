import { renyiDivergence, type Sampling } from "./renyi.ts";

/** Orders that are looked at: dense where ε is small or large, sparse where it is moderate. */
const ORDERS: readonly number[] = [
  ...Array.from({ length: 99 }, (_, i) => (11 + i) / 10),
  ...Array.from({ length: 246 }, (_, i) => 11 + i),
  320,
  384,
  512,
  768,
  1024,
];

/** A sum with noise, taken many times of the same people. */
export interface NoisySums {
  /** The noise's standard deviation over the longest that one update may be (its clip norm). */
  readonly noiseMultiplier: number;
  readonly sampling: Sampling;
  /** Sums that are opened. */
  readonly rounds: number;
  /** Probability with which ε need not hold. */
  readonly delta: number;
}

/** What it comes to, and the order at which that was shown. */
export interface Spent {
  readonly epsilon: number;
  readonly order: number;
}

/** ε from divergence at one order: proposition 12 of Canonne, Kamath and Steinke 2020 (arXiv 2004.00010). */
function epsilonAt(order: number, divergence: number, delta: number): number {
  const gap = Math.log1p(-1 / order) - Math.log(delta * order) / (order - 1);
  return Math.max(0, divergence + gap);
}

/**
 * ε of many noisy sums: divergences of the rounds add up (Mironov 2017, proposition 1), and the order
 * that shows the least is taken.
 *
 * @param orders other than the usual ones, to compare with what others published
 * @throws RangeError for settings that there are not.
 *
 * @example
 * epsilonAfter({ noiseMultiplier: 1, sampling: { kind: "everybody" }, rounds: 12, delta: 1e-5 }).epsilon; // 21.9
 */
export function epsilonAfter(
  { delta, noiseMultiplier, rounds, sampling }: NoisySums,
  orders: readonly number[] = ORDERS,
): Spent {
  requireDelta(delta);
  let least: Spent = { epsilon: Infinity, order: orders[0]! };
  for (const order of orders) {
    const divergence = rounds * renyiDivergence(order, noiseMultiplier, sampling);
    const epsilon = epsilonAt(order, divergence, delta);
    if (epsilon < least.epsilon) least = { epsilon, order };
  }
  return least;
}

/**
 * ρ of zero-concentrated differential privacy (Bun and Steinke 2016, proposition 1.6) of sums of all who
 * come; it adds up over rounds, and holds at every order at once.
 */
export function concentratedAfter(noiseMultiplier: number, rounds: number): number {
  return rounds / (2 * noiseMultiplier ** 2);
}

/** Halvings after which an order is known to the last digits that matter. */
const SEARCH_STEPS = 100;

/**
 * The least ε that ρ-zCDP shows: divergence ρ·α at every order α, converted as above. Never above what
 * Bun and Steinke's own conversion gives, ρ + 2·√(ρ·ln(1/δ)).
 */
export function epsilonOfConcentrated(rho: number, delta: number): number {
  requireDelta(delta);
  if (rho === 0) return 0;
  const at = (logOrder: number): number => {
    const order = 1 + Math.exp(logOrder);
    return epsilonAt(order, rho * order, delta);
  };
  // One minimum in the order: thirds that cannot hold it are left out.
  let low = Math.log(1e-6);
  let high = Math.log(1e9);
  for (let step = 0; step < SEARCH_STEPS; step++) {
    const third = (high - low) / 3;
    if (at(low + third) <= at(high - third)) high -= third;
    else low += third;
  }
  return at((low + high) / 2);
}

/** The least noise multiplier with which sums of all who come stay within ε. */
export function noiseFor({
  delta,
  epsilon,
  rounds,
}: {
  readonly epsilon: number;
  readonly delta: number;
  readonly rounds: number;
}): number {
  if (!(epsilon > 0)) throw new RangeError(`ε is above 0, not ${epsilon}`);
  const spentWith = (sigma: number): number =>
    epsilonOfConcentrated(concentratedAfter(sigma, rounds), delta);
  let high = 1;
  while (spentWith(high) > epsilon) high *= 2;
  let low = high / 2;
  while (spentWith(low) <= epsilon) low /= 2;
  for (let step = 0; step < SEARCH_STEPS; step++) {
    const middle = (low + high) / 2;
    if (spentWith(middle) > epsilon) low = middle;
    else high = middle;
  }
  return high;
}

function requireDelta(delta: number): void {
  if (!(delta > 0 && delta < 1)) throw new RangeError(`δ is between 0 and 1, not ${delta}`);
}
