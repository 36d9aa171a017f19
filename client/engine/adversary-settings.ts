/**
 * Adversarial consistency, without labels: copies of some images with a perturbation δ added to them
 * join the batch, with the teacher's answers on the clean images as targets,
 *
 *     loss = mean over images of KL(teacher(x) ‖ student(x))
 *          + weight · mean over copies of KL(teacher(x) ‖ student(x + δ)),
 *
 * and δ ascends: δ ← Π(δ + stepLength·ĝ), g the gradient of a divergence by δ. Universal: one δ for
 * all images, kept from step to step (Moosavi-Dezfooli et al. 2017). Per image: one for each, from
 * zero in every step (shared adversarial unlearning with the teacher's answer as label; Wei et al.
 * 2023).
 *
 * The copies of a norm group are of its first images. In training they are normalised with the
 * statistics of its images, which are those of a step without copies; taken over both, statistics
 * would absorb what all copies have in common, and it would be back in evaluation mode.
 *
 * A `pattern` is added to all copies of a step, whatever else perturbs them: drawn anew by the host, it
 * does not ascend.
 *
 * With a `warp`, every other copy of a norm group (its second, its fourth, …) is warp(x, φ) instead
 * of x + δ: every pixel is taken from where a universal field of displacements φ points to, and φ
 * ascends as δ does. Triggers that bend the image instead of adding to
 * it (WaNet; Nguyen and Tran 2021) are near in φ and far in δ.
 */
export interface AdversarySettings {
  /** Of the copies' divergence in the loss; 0: copies move δ only. */
  readonly weight: number;
  /** Copies a norm group gets, in its images: in (0, 1], rounded, at least one. */
  readonly share: number;
  /**
   * `l2`: ĝ = g/‖g‖ over a whole image, Π onto the ball of length `radius`. `linf`: ĝ = sign(g), Π
   * clamps every value to ±`radius`.
   */
  readonly norm: "l2" | "linf";
  /** Like `stepLength` in normalised pixels. */
  readonly radius: number;
  readonly stepLength: number;
  readonly scope: "universal" | "per-image";
  /**
   * Ascents before the training pass, each with the gradient of the sum over the copies of
   * KL(teacher(x) ‖ student(x + δ)) at temperature 1, the student in evaluation mode. 0, universal
   * only: the training pass itself gives the gradient, that of its loss, and δ ascends after it
   * (Shafahi et al. 2019).
   */
  readonly ascents: number;
  /** Universal and `l2` only. */
  readonly lowFrequencies?: LowFrequencySettings | undefined;
  /** Universal only. */
  readonly warp?: WarpSettings | undefined;
  /** `[H, W, C]`, added to every copy of this step; none when left out. */
  readonly pattern?: Float32Array | undefined;
  /**
   * What the perturbation is set to before this step; universal only. δ `[H, W, C]`, and with a warp
   * φ `[grid, grid, 2]` behind it.
   */
  readonly restart?: Float32Array | undefined;
  /** What φ alone is set to before this step, `[grid, grid, 2]`: δ goes on. With a warp only. */
  readonly field?: Float32Array | undefined;
}

/**
 * A ball that is longer along low spatial frequencies. With P the orthogonal projection of each
 * channel onto the products of its first ⌈share·H⌉ and ⌈share·W⌉ cosines (DCT-II), and
 * S = I + (gain − 1)·P, what ascends is z in δ = S·z, as δ would without:
 *
 *     δ ← S·Π(S⁻¹·δ + stepLength·ĝ),  ĝ = S·g/‖S·g‖,
 *
 * Π onto the ball of length `radius`. Images have most of their power at low frequencies, and so may
 * a trigger that is not to be seen (SIG; Barni et al., ICIP 2019): it is longer than one of fine
 * detail, and outside of a ball that treats all directions alike.
 */
export interface LowFrequencySettings {
  /** In (0, 1]: of the frequencies along each side. */
  readonly share: number;
  /** How many times longer; from 1 on. */
  readonly gain: number;
}

/**
 * A universal field of displacements φ `[grid, grid, 2]` in pixels, row before column, on nodes of
 * which the outer ones lie on the image's corner pixels; between nodes it is bilinear. A pixel of
 * warp(x, φ) is the bilinear sample of x where its displacement leads, or of the edge where that is
 * outside.
 *
 * φ ← Π(φ + step·ĝ): ĝ is the gradient over its root mean square, Π scales φ down to a root mean
 * square of `radius`. Where the gradient is 0, φ stays. A φ of another grid, or none yet, begins at
 * zero.
 */
export interface WarpSettings {
  /** Nodes along each side, 2 … 32. */
  readonly grid: number;
  /** Like `step` in pixels. */
  readonly radius: number;
  readonly step: number;
}
