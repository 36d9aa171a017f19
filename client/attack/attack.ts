import * as z from "zod";
import type { AttackTarget } from "../evaluation/attack-target.ts";

const byte = z.int().min(0).max(255);
const colour = z.tuple([byte, byte, byte]);

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
    /** A uniform noise image from the seed, or a picture of the images' shape. */
    pattern: z.discriminatedUnion("kind", [
      z.strictObject({ kind: z.literal("noise") }),
      /** `[H, W, 3]` as base64. */
      z.strictObject({ kind: z.literal("picture"), pixels: z.base64() }),
    ]),
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
]);

export type Attack = z.infer<typeof attackSchema>;
export type AttackKind = Attack["kind"];

/** All names, for the command line. */
export const ATTACK_KINDS = [
  "badnets",
  "blended",
  "sig",
  "wanet",
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
 * Share of images that are poisoned unless told otherwise, as in the BCU release: a tenth of all;
 * for a clean-label attack four fifths of the target class.
 */
export function defaultPoisonRate(kind: AttackKind): number {
  if (kind === "clean") return 0;
  return kind === "sig" ? 0.8 : 0.1;
}
