import { z } from "zod";
import { CLASSES } from "../model/graph.ts";
import { networkAnswersSchema, networkText } from "../model/network-settings.ts";

/**
 * Whether participants' pictures are such as the teacher was trained on, prepared as it was (SPEC F):
 * asked of the teacher alone, before anything is trained. Distances are of batch-norm statistics,
 * as client/distil/statistics-distance.ts takes them.
 *
 * Set on four teachers (ResNet-18 of width 16: two of CIFAR-10, one of GTSRB, the demo's), 256, 128, 40
 * and 16 images, the distance less what chance gives:
 *
 *     own pictures, as trained               .00–.02   (slightly other mean and std: up to .04)
 *     own pictures of one class alone        .02–.07   (a single kind of sign: .04–.15)
 *     other photographs on CIFAR-10 teachers .01–.03   (CIFAR-100, Tiny ImageNet, Imagenette, signs)
 *     photographs on the teacher of signs    .09–.16;  drawn shapes on CIFAR-10 teachers .09–.10
 *     not normalised                         .29–.42,  mean and std of .5: .12–.13, 0–255: 340 and more
 *     noise, blank pictures, documents       .24–1.7,  pictures four times too dark: .21–.55
 *
 * So `distance` lies above what one participant's narrow choice comes to and below what no photograph
 * does. What a wrong normalisation is known by is that another makes the same pictures fit: at
 * least three times as near (by 10 and more in all cases above, at most by 1.4 for other pictures). It
 * cannot be told by this: CIFAR-10's mean and std from ImageNet's, RGB from BGR, colours from greys,
 * signs from photographs on a teacher of photographs. Answers tell less: a teacher is surer of noise than
 * of usable photographs of other kinds when it has a backdoor (entropy 0 and .27–.52 of ln classes; its own
 * pictures .01–.2), so they count only where no distance was measured, and when it knows next to nothing
 * (.62–.83 on black pictures).
 *
 * Other networks of the same tensors, set on seven teachers (those of CIFAR-10 and GTSRB, PreActResNet-18,
 * VGG-16, MobileNetV2, torchvision's ResNet-18 at 64 pixels, and two of width 8 that were read wrongly), 48
 * and 64 images: read wrongly .05–.12 (no max-pool behind the stem, 32 pixels for 64), as they were trained
 * .00, and surer. Of those that were read rightly, with other mean and std, of one class alone and
 * on other photographs, no other reading was three times as near and surer (next: .009 for .018, of one
 * class at another stride, and less sure).
 */
const FIT = { images: 256, distance: 0.15, entropy: 0.75 } as const;

/** Nearer than this no other normalisation is looked at: it fits. */
export const NEAR_DISTANCE = 0.05;

/** Nearer than this the model is not read as other networks of the same tensors: it is read as it was trained. */
export const READ_DISTANCE = 0.01;

/** How many times nearer another normalisation, or another network, is that the pictures were more likely meant for. */
const MUCH_NEARER = 3;

/** Fewer images say too little: a participant with fewer is not looked at. */
export const LEAST_FIT_IMAGES = 16;

/** Largest distance that is told. */
export const LARGEST_DISTANCE = 1e6;

/** What the teacher may make of participants' pictures (SPEC F). */
export const fitSettingsSchema = z.strictObject({
  /** Most of its images that a participant asks the teacher about. */
  images: z.int().min(LEAST_FIT_IMAGES).max(4096).default(FIT.images),
  /** Distance of batch-norm statistics from the teacher's beyond which pictures do not fit. */
  distance: z.number().positive().max(LARGEST_DISTANCE).default(FIT.distance),
  /**
   * Mean entropy of the teacher's answers, as a share of ln classes, beyond which they do not fit where
   * there is no distance.
   */
  entropy: z.number().positive().max(1).default(FIT.entropy),
});
export type FitSettings = z.output<typeof fitSettingsSchema>;

interface Preparation {
  readonly mean: readonly [number, number, number];
  readonly std: readonly [number, number, number];
  /** As a sentence has it. */
  readonly text: string;
}

/** Normalisations that models are trained with, or mistaken for. */
export const PREPARATIONS = {
  imagenet: {
    mean: [0.485, 0.456, 0.406],
    std: [0.229, 0.224, 0.225],
    text: "mean .485,.456,.406 and std .229,.224,.225 (ImageNet's; CIFAR's come to the same)",
  },
  centred: { mean: [0.5, 0.5, 0.5], std: [0.5, 0.5, 0.5], text: "mean .5,.5,.5 and std .5,.5,.5" },
  none: { mean: [0, 0, 0], std: [1, 1, 1], text: "mean 0,0,0 and std 1,1,1 (not normalised)" },
  bytes: {
    mean: [0, 0, 0],
    std: [1 / 255, 1 / 255, 1 / 255],
    text: "mean 0,0,0 and std .00392,.00392,.00392 (pixels from 0 to 255)",
  },
} as const satisfies Record<string, Preparation>;

/** One of them for images of so many channels: for grey ones the mean of the colours'. */
export function preparationOf(name: PreparationName, channels: number) {
  const { mean, std } = PREPARATIONS[name];
  if (channels === mean.length) return { mean, std };
  const grey = (values: readonly number[]): number[] => {
    const middle = values.reduce((sum, value) => sum + value, 0) / values.length;
    return Array.from({ length: channels }, () => middle);
  };
  return { mean: grey(mean), std: grey(std) };
}

const preparationSchema = z.enum(["imagenet", "centred", "none", "bytes"]);
export type PreparationName = z.output<typeof preparationSchema> & keyof typeof PREPARATIONS;

const distanceSchema = z.number().nonnegative().max(LARGEST_DISTANCE);

/** What the teacher makes of one participant's images: sums over all of them, no classes. */
export const fitSchema = z.strictObject({
  images: z.int().min(LEAST_FIT_IMAGES).max(4096),
  /** Mean of the largest probability. */
  confidence: z.number().min(0).max(1),
  /** Mean entropy of the answers, nats. */
  entropy: z.number().nonnegative().max(Math.log(CLASSES.most)),
  /** Of batch-norm statistics; null where the backend cannot measure them or the model has none. */
  distance: distanceSchema.nullable(),
  /** The normalisation under which the same images are nearest; null where it was not looked for. */
  otherwise: z.strictObject({ as: preparationSchema, distance: distanceSchema }).nullable(),
  /**
   * The other network of the same tensors under which the same images are nearest, by the answer that
   * makes it; null where it was not looked for, or there is none.
   */
  reading: z
    .strictObject({
      says: networkAnswersSchema,
      distance: distanceSchema,
      confidence: z.number().min(0).max(1),
      entropy: z.number().nonnegative().max(Math.log(CLASSES.most)),
    })
    .nullable(),
});
export type Fit = z.output<typeof fitSchema>;

/** Why pictures do not fit. */
export interface Misfit {
  readonly cause: "network" | "normalisation" | "pictures";
  /** What was seen, and what it likely comes of: a clause, without a full stop. */
  readonly detail: string;
}

/**
 * Judges what a participant measured (SPEC F2).
 *
 * @returns undefined where its pictures fit
 *
 * @example
 * const misfit = misfitOf(fit, config.fit, model.classes);
 * if (misfit !== undefined) await ask(misfit.detail);
 */
export function misfitOf(fit: Fit, settings: FitSettings, classes: number): Misfit | undefined {
  const { confidence, distance, entropy, otherwise, reading } = fit;
  if (
    distance !== null &&
    reading !== null &&
    isMuchNearer(distance, reading.distance, READ_DISTANCE) &&
    reading.entropy < entropy &&
    reading.distance <= (otherwise?.distance ?? Infinity)
  ) {
    return {
      cause: "network",
      detail:
        `what the model's batch norms read is ${figure(distance)} away from what it was trained on (its own pictures: below ${NEAR_DISTANCE}), and only ${figure(reading.distance)} ` +
        `when it is read with ${networkText(reading.says)}, which its tensors do not tell: its answers then have a mean confidence of ${percent(reading.confidence)}, against ${percent(confidence)}`,
    };
  }
  if (distance !== null && otherwise !== null && isMuchNearer(distance, otherwise.distance)) {
    return {
      cause: "normalisation",
      detail:
        `what the model's batch norms read is ${figure(distance)} away from what it was trained on (its own pictures: below ${NEAR_DISTANCE}), and only ${figure(otherwise.distance)} ` +
        `with ${PREPARATIONS[otherwise.as].text}: these mean and std are likely not the model's`,
    };
  }
  if (distance !== null) {
    if (!(distance > settings.distance)) return undefined;
    return {
      cause: "pictures",
      detail: `what the model's batch norms read is ${figure(distance)} away from what it was trained on (at most ${settings.distance} is taken for fitting): these are likely pictures of another kind, or mean and std are not the model's, or it is not read as it was trained`,
    };
  }
  const share = entropy / Math.log(classes);
  if (!(share > settings.entropy)) return undefined;
  return {
    cause: "pictures",
    detail: `the model hardly knows what to answer (${Math.round(100 * share)} % of the entropy of guessing): these are likely pictures of another kind, or mean and std are not the model's, or it is not read as it was trained`,
  };
}

function isMuchNearer(distance: number, otherwise: number, far = NEAR_DISTANCE): boolean {
  return distance > far && otherwise < distance / MUCH_NEARER;
}

function percent(share: number): string {
  return `${Math.round(100 * share)} %`;
}

function figure(distance: number): string {
  return String(Number(distance.toPrecision(2)));
}

/** What a participant told, and what it counts for. */
export interface WeightedFit {
  readonly fit: Fit;
  /** 1; less where an invite's enrolments that told are more than its places, which they share (R2). */
  readonly weight: number;
}

/** What is known of a campaign's participants when it is asked whether to go on. */
export interface FitEvidence {
  /** Of those who told, one a participant. */
  readonly fits: readonly WeightedFit[];
  readonly settings: FitSettings;
  readonly classes: number;
  /** Fewest who are heard (`robustMinimum`). */
  readonly fewest: number;
  /** Updates that a round takes. */
  readonly goal: number;
  /** Whether a round is about to be combined: more will not be known in time. */
  readonly isLast: boolean;
}

/** What an administrator does about each cause. */
const MENDS: Readonly<Record<Misfit["cause"], string>> = {
  network: "make the campaign anew, saying so",
  normalisation: "make the campaign anew with the model's --mean and --std",
  pictures: "check --mean and --std and ask what pictures participants have",
};

/** Shares of a place may sum up to a little less or more than it. */
const ROUNDING = 1e-6;

/**
 * Whether participants' pictures do not fit the teacher, by the median participant (SPEC F3): more than
 * half of those who told, of at least `fewest`. Before a goal of them has told, and before the first round
 * is combined, all of them: a few who come first and lie do not stop what all others could go on with.
 *
 * @returns why, and what is to be done; undefined where the campaign goes on.
 */
export function campaignMisfit(evidence: FitEvidence): string | undefined {
  const { classes, fewest, fits, goal, isLast, settings } = evidence;
  const unfit = fits.filter(({ fit }) => misfitOf(fit, settings, classes) !== undefined);
  const [told, against] = [fits, unfit].map((some) =>
    some.reduce((sum, { weight }) => sum + weight, 0),
  ) as [number, number];
  const isDecided = isLast || told > goal - ROUNDING || unfit.length === fits.length;
  if (told < fewest - ROUNDING || !isDecided || !(2 * against > told + ROUNDING)) return undefined;
  const found = unfit.map(({ fit }) => misfitOf(fit, settings, classes)!);
  const likely = (Object.keys(MENDS) as Misfit["cause"][]).find(
    (one) => 2 * found.filter(({ cause }) => cause === one).length > found.length,
  );
  const { detail } = found.find(({ cause }) => likely === undefined || cause === likely)!;
  const mend = MENDS[likely ?? "pictures"];
  return `the pictures of ${found.length} of ${fits.length} participants do not look like what the model was trained on: of the first, ${detail}; ${mend}, or resume to go on regardless`;
}
