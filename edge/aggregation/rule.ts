/** What is known of a round's updates before they are combined, in canonical order (SPEC R8). */
interface UpdateStatistics {
  /** Example counts, capped. */
  readonly weights: readonly number[];
  /** ‖uᵢ‖₂² over all trainable values; there when the rule measures `norms`. */
  readonly squaredNorms?: readonly number[];
}

/** How updates become one: Δ = Σ factorᵢ·uᵢ / divisor in each coordinate. */
export interface Combination {
  /** For trainable values. */
  readonly trainable: readonly number[];
  /** For running statistics, which no rule scales (SPEC O4). */
  readonly statistics: readonly number[];
  readonly divisor: number;
}

/**
 * A rule that combines updates. Pass 1 measures what it asks for, slice by slice; from the sums it
 * gives each update a factor; pass 2 is the weighted sum. Rules on distances (Krum, geometric
 * median, …) fit by measuring more than norms; rules by coordinate need another pass 2.
 */
export interface CombiningRule {
  readonly measures: "nothing" | "norms";
  combination(statistics: UpdateStatistics): Combination;
}
