import { z } from "zod";

const warpSchema = z.strictObject({
  /** Nodes of displacements along each side of the image. */
  grid: z.int().min(2).max(32).default(8),
  /**
   * Largest root mean square of the displacements, as a share of the image's width. The default is
   * half a pixel of 32.
   */
  radius: z.number().positive().max(1).default(0.015625),
  /** Length of an ascent step as a share of the radius. */
  step: z.number().positive().max(1).default(0.25),
});

export type Warp = z.output<typeof warpSchema>;

const lowFrequenciesSchema = z.strictObject({
  /** Of the frequencies along each side, those that count as low. */
  share: z.number().positive().max(1).default(0.5),
  /** How many times longer a perturbation may be along them. */
  gain: z.number().min(1).max(100).default(2),
});

const wavesSchema = z.strictObject({
  /** Largest size of a wave: root mean square over the image, normalised units. */
  radius: z.number().positive().max(10).default(0.45),
  /** Most periods along a side of the image; the fewest are 1. */
  periods: z.number().min(1).max(1024).default(10),
});

export type Waves = z.output<typeof wavesSchema>;

const heatMapSchema = z.strictObject({
  /** Of the steps, those whose copies carry a wave that misleads the teacher, and no shortcut. */
  share: z.number().positive().max(1).default(0.5),
  /** Size of the waves it is asked about: root mean square over the image, normalised units. */
  radius: z.number().positive().max(10).default(0.2),
  /** Most images that it is asked about with each. */
  images: z.int().min(1).max(4096).default(32),
});

export type HeatMap = z.output<typeof heatMapSchema>;

const shortcutsSchema = z.strictObject({
  /** Classes towards which one each is sought: those that the teacher is led to most easily. */
  classes: z.int().min(1).max(64).default(3),
  /** Length: root mean square over the image, normalised units. */
  radius: z.number().positive().max(10).default(0.145),
  /** Steps of each one's search at that radius. */
  ascents: z.int().min(1).max(100).default(12),
  /** Most images that it is made on. */
  images: z.int().min(1).max(4096).default(64),
});

const bendsSchema = z.strictObject({
  /** Of the steps, those whose bent copies begin with one of them. */
  share: z.number().positive().max(1).default(0.5),
  /** Classes towards which one each is sought: those that the teacher is led to most easily. */
  classes: z.int().min(1).max(64).default(3),
  /**
   * Root mean square of the displacements, as a share of the image's width. The default is three
   * quarters of a pixel of 32.
   */
  radius: z.number().positive().max(1).default(0.0234375),
  /** Steps of each one's search at that radius. */
  ascents: z.int().min(1).max(100).default(12),
  /** Most images that it is made on. */
  images: z.int().min(1).max(4096).default(32),
});

export type Shortcuts = z.output<typeof shortcutsSchema>;

const insistenceSchema = z.strictObject({
  /** Share of images that one of the ways may lead the student before copies weigh more. */
  tolerated: z.number().positive().max(1).default(0.05),
  /** Most times as much as `weight`. */
  most: z.number().min(1).max(100).default(4),
  /** Most images that it is asked about with each. */
  images: z.int().min(1).max(4096).default(64),
});

/**
 * Adversarial consistency (SPEC D9): the student has to keep the teacher's clean answer on images
 * moved by a perturbation that is made to change it. Nobody needs to know a trigger, or a label: a
 * backdoor is a short way to another answer, and short ways are what a perturbation finds.
 *
 * `universal`: one perturbation for all images, as in universal adversarial training (Shafahi et al.
 * 2020) and self-retrospection (ABD; Hong et al., ICML 2023). `per-image`: one each, as in shared
 * adversarial unlearning (SAU; Wei et al., NeurIPS 2023) with the teacher's answer for label.
 */
export const adversarySchema = z
  .strictObject({
    /** λ of the term beside the distillation loss. */
    weight: z.number().positive().max(100).default(0.15),
    /** Share of each norm group that is trained on a second time, perturbed. */
    share: z.number().positive().max(1).default(0.5),
    scope: z.enum(["universal", "per-image"]).default("universal"),
    norm: z.enum(["l2", "linf"]).default("l2"),
    /**
     * Largest perturbation, in normalised units: for `l2` the root mean square over all values of
     * the image, so that it does not depend on the image's size; for `linf` the largest value.
     */
    radius: z.number().positive().max(10).default(0.1),
    /** Length of an ascent step as a share of the radius. */
    step: z.number().positive().max(1).default(0.125),
    /**
     * Stretches the ball along low spatial frequencies; `null` for a round one. On for a universal
     * perturbation in an `l2` ball when left out, and for no other. A smooth trigger is longer than
     * one of fine detail and no easier to see (SIG; Barni et al., ICIP 2019).
     */
    lowFrequencies: lowFrequenciesSchema.nullable().optional(),
    /**
     * Ascent steps before each training step, the student in evaluation mode. 0: the training pass
     * itself gives the gradient, and the perturbation ascends after it (Shafahi et al. 2019).
     */
    ascents: z.int().min(0).max(20).default(0),
    /** Local steps after which a universal perturbation is drawn anew. */
    restartEvery: z.int().min(1).max(100_000).default(40),
    /**
     * A field of displacements that bends the copies besides, and ascends likewise; `null` for
     * none. On for a universal perturbation when left out, and never for perturbations of single
     * images. Additive perturbations do not find triggers that bend the image (WaNet; Nguyen and
     * Tran, ICLR 2021).
     */
    warp: warpSchema.nullable().optional(),
    /**
     * A random plane wave on all copies of a step, besides what was made to mislead them; `null` for
     * none (auxiliary Fourier-basis augmentation: Vaish et al., CVPR 2024). The perturbations that
     * mislead most are hardly ever as plain as a trigger that a person thought up.
     */
    waves: wavesSchema.nullable().prefault({}),
    /**
     * Draws some of the waves by how they mislead the teacher, sought once on images of a
     * participant's own; `null` for none. On with `waves` when left out, and never without (Fourier
     * heat map: Yin et al., NeurIPS 2019). Where a trigger is a wave, or bends the image, waves near
     * it lead to its class; one drawn at random is hardly ever near it.
     */
    heatMap: heatMapSchema.nullable().optional(),
    /**
     * Universal perturbations that lead the teacher to one class each, sought once on images of a
     * participant's own, on all copies of a step besides; `null` for none. What misleads a student
     * most while it learns are the weaknesses that any model has; what misleads the teacher with
     * the least effort is where a backdoor shows (Wang et al. 2019).
     */
    shortcuts: shortcutsSchema.nullable().prefault({}),
    /**
     * Fields of displacements that lead the teacher to one class each, sought likewise, which the
     * warp begins with in some steps; `null` for none. On with `warp` when left out, and never
     * without.
     */
    bends: bendsSchema.nullable().optional(),
    /**
     * Asks each round's student how far it still follows shortcuts and fields, has copies weigh more the
     * further it does, and draws by that; `null`, as when left out: copies weigh alike. Never without
     * either. A constant weight that takes a patch away leaves a third of a warp.
     */
    insistence: insistenceSchema.nullable().default(null),
  })
  .refine(({ scope, ascents }) => scope === "universal" || ascents > 0, {
    message: "per-image perturbations start from nothing at every step: give at least 1 ascent",
    path: ["ascents"],
  })
  .refine(({ scope, warp }) => scope === "universal" || !warp, {
    message: "only a universal perturbation can warp: leave it out, or off",
    path: ["warp"],
  })
  .refine(({ warp, bends }) => warp !== null || !bends, {
    message: "only a warp begins with what bends images: leave it out, or off",
    path: ["bends"],
  })
  .refine(({ scope, bends }) => scope === "universal" || !bends, {
    message: "only a universal perturbation can warp: leave it out, or off",
    path: ["bends"],
  })
  .refine(
    ({ shortcuts, warp, bends, insistence }) =>
      shortcuts !== null || (warp !== null && bends !== null) || !insistence,
    {
      message: "there is nothing to insist on without shortcuts and bends: leave it out",
      path: ["insistence"],
    },
  )
  .refine(({ waves, heatMap }) => waves !== null || !heatMap, {
    message: "only waves are drawn by a heat map: leave it out, or off",
    path: ["heatMap"],
  })
  .refine(({ scope, norm, lowFrequencies }) => isStretchable(scope, norm) || !lowFrequencies, {
    message:
      "only a universal perturbation in an l2 ball has low frequencies: leave it out, or off",
    path: ["lowFrequencies"],
  })
  .transform(({ bends: bent, heatMap, lowFrequencies, warp: given, ...adversary }) => {
    const { scope, norm, waves } = adversary;
    const stretched = isStretchable(scope, norm) ? lowFrequenciesSchema.parse({}) : null;
    const own = scope === "universal" ? warpSchema.parse({}) : null;
    const warp = given === undefined ? own : given;
    const sought = warp === null ? null : bendsSchema.parse({});
    const mapped = waves === null ? null : heatMapSchema.parse({});
    const bends = bent === undefined ? sought : bent;
    return {
      ...adversary,
      heatMap: heatMap === undefined ? mapped : heatMap,
      lowFrequencies: lowFrequencies === undefined ? stretched : lowFrequencies,
      warp,
      bends,
    };
  });

function isStretchable(scope: "universal" | "per-image", norm: "l2" | "linf"): boolean {
  return scope === "universal" && norm === "l2";
}

export type Adversary = z.output<typeof adversarySchema>;

/** Lengths as an engine takes them: for `l2` that of the whole image, `values` numbers. */
export function perturbationLengths(
  { norm, radius, step }: Adversary,
  values: number,
): { readonly radius: number; readonly stepLength: number } {
  const length = norm === "l2" ? radius * Math.sqrt(values) : radius;
  return { radius: length, stepLength: step * length };
}

/** A warp's lengths in pixels of an image so wide, as an engine takes them. */
export function warpLengths(
  { radius, step }: Warp,
  width: number,
): { readonly radius: number; readonly step: number } {
  const pixels = radius * width;
  return { radius: pixels, step: step * pixels };
}
