import { sumOf } from "./mean.ts";
import type { CombiningRule } from "./rule.ts";

/** min(1, c/‖u‖₂) (SPEC O1); an update of zeros stays as it is. */
export function clipFactor(clipNorm: number, squaredNorm: number): number {
  const norm = Math.sqrt(squaredNorm);
  return norm <= clipNorm ? 1 : clipNorm / norm;
}

/**
 * The weighted mean of updates that were first scaled to at most `clipNorm` in L2 norm over their
 * trainable values (Sun et al. 2019, 'Can You Really Backdoor Federated Learning?', section 5.2).
 */
export function normClippedMean(clipNorm: number): CombiningRule {
  return {
    measures: "norms",
    combination: ({ weights, squaredNorms }) => {
      if (squaredNorms?.length !== weights.length) {
        throw new TypeError("norm clipping needs a squared norm for every update");
      }
      return {
        trainable: weights.map((weight, i) => weight * clipFactor(clipNorm, squaredNorms[i]!)),
        statistics: weights,
        divisor: sumOf(weights),
      };
    },
  };
}
