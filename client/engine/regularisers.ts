/** Settings of what keeps a distillation step from the way back to the teacher's backdoor. */

/**
 * Sharpness-aware steps in their adaptive form (FT-SAM; Zhu et al., ICCV 2023): the gradient that a
 * step descends by is taken at θ + ε instead of θ,
 *
 *     ε = ρ · T²g / ‖T·g‖,   T = |θ| for each value,
 *
 * g being the gradient of the step's whole loss at θ: where, of all changes with ‖ε/θ‖ ≤ ρ, the loss
 * grows most to first order (Foret et al. 2021; Kwon et al. 2021, there with T + η, which the paper's
 * release leaves out). Over all trainable values; where T·g is 0, ε is.
 *
 * Both passes have the same images, teacher's answers and perturbed copies. Running statistics
 * advance by the first, at θ, and a step's results are the first's: both are of the student that
 * there is, as in the paper's release. A free adversary (`ascents` 0) ascends once, after the second
 * pass and by its gradient, so that δ moves on the same loss at the same weights as the student.
 * Weight decay is of θ.
 */
export interface SharpnessSettings {
  /** ρ, relative to θ: its length over all values is that of the ratios ε/θ. */
  readonly rho: number;
}

/**
 * Head shift (FST; Min et al., NeurIPS 2023, equation 2): the loss has `weight`·⟨w, w_teacher⟩ beside
 * its divergence, w the weight of a linear layer, and after every SGD step w is scaled to
 * ‖w‖ = ‖w_teacher‖: the layer turns away from the teacher's and cannot do so by growing. Of several
 * linear layers each is taken by itself; biases are free. A w of zero stays.
 *
 * The term is in the gradient, not in the loss that results tell.
 */
export interface HeadShiftSettings {
  /** α */
  readonly weight: number;
}
