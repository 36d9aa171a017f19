/** Whose updates a round's sum holds. */
export type Sampling =
  /** Whoever comes: nothing is hidden in who was taken. What Scour's rounds are. */
  | { readonly kind: "everybody" }
  /** Each by itself with probability `rate`, by somebody who tells nobody: only then does it hide. */
  | { readonly kind: "poisson"; readonly rate: number };

/**
 * Rényi differential privacy of one sum with Gaussian noise, at one order (Mironov 2017; with sampling
 * Mironov, Talwar and Zhang 2019, arXiv 1908.10530, section 3.3, for neighbours that differ by one
 * participant's whole update).
 *
 * @param order α > 1
 * @param noiseMultiplier the noise's standard deviation over the longest that one update may be
 * @returns nats
 * @throws RangeError for an order, a multiplier or a rate that there is not.
 *
 * @example
 * renyiDivergence(5, 2.5, { kind: "poisson", rate: 0.01 }); // 4.36e-5
 */
export function renyiDivergence(
  order: number,
  noiseMultiplier: number,
  sampling: Sampling,
): number {
  if (!(order > 1 && order < Infinity)) throw new RangeError(`an order is above 1, not ${order}`);
  if (!(noiseMultiplier > 0)) {
    throw new RangeError(`a noise multiplier is above 0, not ${noiseMultiplier}`);
  }
  if (sampling.kind === "everybody") return order / (2 * noiseMultiplier ** 2);
  const { rate } = sampling;
  if (!(rate >= 0 && rate <= 1)) throw new RangeError(`a rate is from 0 to 1, not ${rate}`);
  if (rate === 0) return 0;
  if (rate === 1) return order / (2 * noiseMultiplier ** 2);
  const logMoment = Number.isInteger(order)
    ? binomialLogMoment(order, noiseMultiplier, rate)
    : integratedLogMoment(order, noiseMultiplier, rate);
  return Math.max(0, logMoment / (order - 1));
}

/** ln Σ C(α,i)·(1−q)^(α−i)·qⁱ·exp((i²−i)/2σ²): equation 8 of the paper. */
function binomialLogMoment(order: number, sigma: number, rate: number): number {
  const terms: number[] = [];
  let logBinomial = 0;
  for (let i = 0; i <= order; i++) {
    const drawn = (order - i) * Math.log1p(-rate) + i * Math.log(rate);
    terms.push(logBinomial + drawn + (i * i - i) / (2 * sigma * sigma));
    logBinomial += Math.log((order - i) / (i + 1));
  }
  return logSumExp(terms);
}

/** Standard deviations beyond the two peaks after which nothing is left of the integrand. */
const TAIL = 12;

/**
 * ln ∫ φ(z)·(1 − q + q·exp((2z−1)/2σ²))^α dz by the trapezoid rule, for orders between integers. The
 * integrand is analytic in a strip of half-width πσ², so that the error falls exponentially with the
 * step: at these steps it is that of rounding.
 */
function integratedLogMoment(order: number, sigma: number, rate: number): number {
  const step = Math.min(sigma / 8, (sigma * sigma) / 4);
  const from = -TAIL * sigma;
  const points = Math.ceil((order + 2 * TAIL * sigma) / step);
  const terms = Array.from({ length: points + 1 }, (_, i) => {
    const z = from + i * step;
    const ratio = logSumExp([
      Math.log1p(-rate),
      Math.log(rate) + (2 * z - 1) / (2 * sigma * sigma),
    ]);
    return order * ratio - (z * z) / (2 * sigma * sigma);
  });
  return logSumExp(terms) + Math.log(step / (sigma * Math.sqrt(2 * Math.PI)));
}

function logSumExp(terms: readonly number[]): number {
  let largest = -Infinity;
  for (const term of terms) largest = Math.max(largest, term);
  let sum = 0;
  for (const term of terms) sum += Math.exp(term - largest);
  return largest + Math.log(sum);
}
