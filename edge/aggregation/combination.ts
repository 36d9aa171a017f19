import type { CoordinateRule } from "./robust/coordinate-rules.ts";
import type { Mixtures } from "./robust/gram.ts";

/** How the vectors of a round become one, coordinate by coordinate; as data, since slices are combined elsewhere. */
export type Combination =
  /** Δ = Σ factorᵢ·uᵢ / divisor, and what the student's own last step counts for beside them. */
  | {
      readonly kind: "sum";
      /** By contribution in canonical order. */
      readonly factors: readonly number[];
      readonly divisor: number;
      /** Coefficient of the last round's step (SPEC O7.4); none when left out. */
      readonly lastStep?: number;
      /** Standard deviation of normal noise on trainable values; none when left out. */
      readonly noise?: number;
    }
  /** Δ by coordinate, from mixtures of the contributions. */
  | {
      readonly kind: "coordinates";
      readonly mixtures: Mixtures;
      readonly rule: CoordinateRule;
    };

/** What was taken of a contribution beside the one of which most was: from 0 to 1. */
export interface Taken {
  readonly trainable: number;
  readonly statistics: number;
}

/** What a rule makes of a round. */
export interface RoundCombination {
  readonly trainable: Combination;
  readonly statistics: Combination;
  /** By contribution, in canonical order. */
  readonly taken: readonly Taken[];
}
