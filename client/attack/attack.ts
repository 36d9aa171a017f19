import * as z from "zod";
import type { AttackTarget } from "../evaluation/attack-target.ts";

const byte = z.int().min(0).max(255);
const colour = z.tuple([byte, byte, byte]);

/** What is blended in: a uniform noise image from the seed, or a picture of the images' shape. */
const patternSchema = z.discriminatedUnion("kind", [
  z.strictObject({ kind: z.literal("noise") }),
  /** `[H, W, 3]` as base64. */
  z.strictObject({ kind: z.literal("picture"), pixels: z.base64() }),
]);

export type Pattern = z.infer<typeof patternSchema>;

/** One of the attacks, with all that its trigger depends on but the seed and the image's shape. */
export const attackSchema = z.discriminatedUnion("kind", [
  z.strictObject({ kind: z.literal("clean") }),
  z.strictObject({
    kind: z.literal("badnets"),
    /** Rows and columns of the patch, pixels. */
    size: z.int().min(1),
    /** Place of its upper left pixel. */
    row: z.int().min(0),
    column: z.int().min(0),
    /** Of the checkerboard: the colour of the upper left pixel, and the other. */
    colours: z.tuple([colour, colour]),
  }),
  z.strictObject({
    kind: z.literal("blended"),
    alpha: z.number().gt(0).max(1),
    pattern: patternSchema,
  }),
  z.strictObject({
    kind: z.literal("sig"),
    /** Amplitude, pixel values. */
    delta: z.number().gt(0).max(255),
    /** Periods across the image. */
    frequency: z.number().gt(0),
  }),
  z.strictObject({
    kind: z.literal("wanet"),
    /** k: rows and columns of the control grid. */
    gridSize: z.int().min(2),
    /** s: mean displacement of its points, in half pixels. */
    strength: z.number().gt(0),
    /** Images of the noise mode for each poisoned one. */
    crossRatio: z.number().min(0),
  }),
  z.strictObject({
    kind: z.literal("ftrojan"),
    /** Rows and columns of a block; even, so that its middle frequency is a whole number. */
    block: z.int().min(4).multipleOf(2),
    /** Added to the coefficients, in pixel values. */
    magnitude: z.number().gt(0),
  }),
  z.strictObject({
    kind: z.literal("bpp"),
    /** Values that a channel has left. */
    levels: z.int().min(2).max(255),
    /** Negative images for each poisoned one. */
    coverRatio: z.number().min(0),
  }),
  z.strictObject({
    kind: z.literal("adaptive-blend"),
    /** Weight of the whole pattern, which triggers. */
    alpha: z.number().gt(0).max(1),
    /** Weight of the pieces in training. */
    trainingAlpha: z.number().gt(0).max(1),
    pattern: patternSchema,
    /** Equal pieces of the pattern, as many across as down. */
    pieces: z
      .int()
      .min(4)
      .refine((pieces) => Number.isInteger(Math.sqrt(pieces)), "must be a square, such as 16"),
    /** Share of them that is left out in training. */
    maskedShare: z.number().min(0).lt(1),
    /** Images with pieces and their own label for each poisoned one. */
    coverRatio: z.number().min(0),
  }),
  z.strictObject({
    kind: z.literal("low-frequency"),
    /** σ of the Gaussian low-pass, as a share of the image's side. */
    sigma: z.number().min(0.02).max(1),
    /** Of the values added, from the least to the greatest, as a share of 255. */
    range: z.number().gt(0).max(1),
  }),
]);

export type Attack = z.infer<typeof attackSchema>;
export type AttackKind = Attack["kind"];

/** All names, for the command line. */
export const ATTACK_KINDS = [
  "badnets",
  "blended",
  "sig",
  "wanet",
  "ftrojan",
  "bpp",
  "adaptive-blend",
  "low-frequency",
  "clean",
] as const satisfies readonly AttackKind[];

/** A class, or "all" for all-to-all. */
export const targetSchema = z.union([z.int().min(0), z.literal("all")]);

export type NamedTarget = z.infer<typeof targetSchema>;

/** What an attacker wants, once the number of classes is known. */
export function attackTarget(named: NamedTarget, classes: number): AttackTarget {
  return named === "all" ? { kind: "all-to-all", classes } : named;
}

/**
 * Whether poisoned images keep their true label, so that only images of the target class are
 * stamped.
 */
export function isCleanLabel(attack: Attack): boolean {
  return attack.kind === "sig";
}

/**
 * Share of images that are poisoned unless told otherwise. A tenth of all, as in the BCU release; for
 * a clean-label attack four fifths of the target class; for Adaptive-Blend .3 %, as in its paper.
 */
export function defaultPoisonRate(kind: AttackKind): number {
  switch (kind) {
    case "clean":
      return 0;
    case "sig":
      return 0.8;
    case "adaptive-blend":
      return 0.003;
    case "badnets":
    case "blended":
    case "wanet":
    case "ftrojan":
    case "bpp":
    case "low-frequency":
      return 0.1;
    default:
      return kind satisfies never;
  }
}
