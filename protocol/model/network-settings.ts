import { z } from "zod";
import { SIZES } from "./graph.ts";
import type { NamedActivation } from "./operations/pointwise.ts";

const ACTIVATIONS = [
  "relu",
  "relu6",
  "silu",
  "hard-swish",
  "gelu",
  "gelu-tanh",
] as const satisfies readonly NamedActivation[];

/**
 * What decides a network's answers and its tensors do not tell. A family asks for what it needs and
 * says what holds by default where its files are of one form; all other questions must be answered, in
 * the campaign's configuration or in the file's metadata (SPEC G4).
 */
export const networkAnswersSchema = z.strictObject({
  /** Side of the images it takes, pixels. */
  size: z.int().min(SIZES.least).max(SIZES.most).optional(),
  /** What stands behind the convolution that reads the image. */
  stemPool: z.enum(["none", "max"]).optional(),
  /** Step of the convolution that reads the image. */
  stemStride: z.int().min(1).max(4).optional(),
  /** Step of the second stage. */
  secondStride: z.int().min(1).max(2).optional(),
  /** Where a shortcut without weights puts its channels of zeros. */
  shortcutPadding: z.enum(["both", "after"]).optional(),
  /** What follows most of its layers. */
  activation: z.enum(ACTIVATIONS).optional(),
  /** Where convolutions with a stride put more padding: alike on all sides, or below and to the right. */
  convPadding: z.enum(["symmetric", "same"]).optional(),
  /** Runs of channels that attention treats by themselves. */
  heads: z.int().min(1).max(256).optional(),
  /** Added to the variance in every norm. */
  epsilon: z.number().positive().max(1).optional(),
});

/** Most characters of a network's prefix. */
export const LONGEST_PREFIX = 256;

/** What a campaign says of its network: answers, and what of its own it adds. */
export const networkSettingsSchema = networkAnswersSchema.extend({
  /**
   * Whether convolutions whose norms the file may have folded away get such as stand in for them (SPEC
   * L1). Without it they do not; the coordinator fills in what is usual for a new campaign.
   */
  standInNorms: z.boolean().optional(),
  /**
   * What stands before the names of the network that is meant, where a file holds several (SPEC
   * G5); null: the one that is likeliest by where it stands (T5), whatever else is there.
   */
  prefix: z.string().min(1).max(LONGEST_PREFIX).nullable().optional(),
});

/** How the command line calls them. */
export const NETWORK_FLAGS: Readonly<Record<keyof NetworkSettings, `--${string}`>> = {
  size: "--image-size",
  stemPool: "--stem-pool",
  stemStride: "--stem-stride",
  secondStride: "--second-stride",
  shortcutPadding: "--shortcut-padding",
  activation: "--activation",
  convPadding: "--conv-padding",
  heads: "--heads",
  epsilon: "--norm-epsilon",
  standInNorms: "--no-norms",
  prefix: "--network-prefix",
};

/**
 * Answers as the command line takes them.
 *
 * @example
 * networkText({ stemPool: "max" }); // "--stem-pool max"
 */
export function networkText(network: NetworkAnswers): string {
  const keys = Object.keys(network) as NetworkQuestion[];
  return keys.map((key) => `${NETWORK_FLAGS[key]} ${network[key]}`).join(" ");
}

export type NetworkAnswers = z.output<typeof networkAnswersSchema>;
export type NetworkSettings = z.output<typeof networkSettingsSchema>;

/** A setting as a family asks for it. */
export type NetworkQuestion = keyof NetworkAnswers;

/** Where a model file's metadata answers the questions itself: JSON of `NetworkAnswers`. */
export const NETWORK_METADATA = "scour.network";
