import * as z from "zod";
import { networkSettingsSchema } from "../../protocol/model/network-settings.ts";
import { attackSchema, targetSchema } from "./attack.ts";
import { scheduleSchema } from "./training-schedule.ts";

const channelValues = z.tuple([z.number(), z.number(), z.number()]);
const digest = z.string().regex(/^[0-9a-f]{64}$/);

/** All that a backdoored model depends on, but for the backend that computes it. */
export const recipeSchema = z.strictObject({
  attack: attackSchema,
  /** Null for a clean model. */
  target: targetSchema.nullable(),
  poisonRate: z.number().min(0).max(1),
  seed: z.int().min(0),
  classes: z.int().min(2),
  /** What the images look like to the model. */
  image: z.strictObject({
    height: z.int().min(1),
    width: z.int().min(1),
    channels: z.literal(3),
  }),
  /** x = (pixel/255 − mean)/std, per channel. */
  preprocessing: z.strictObject({ mean: channelValues, std: channelValues }),
  /** The training set before anything was stamped. */
  data: z.strictObject({
    images: z.int().min(1),
    /** SHA-256 over labels (4 bytes each, little-endian), then pixels `[N, H, W, C]`. */
    sha256: digest,
  }),
  /** Fresh weights of a ResNet-18 of this width, or those of a file and what its tensors do not tell. */
  start: z.union([
    z.strictObject({ width: z.int().min(1) }),
    z.strictObject({ modelSha256: digest, network: networkSettingsSchema.optional() }),
  ]),
  training: z.strictObject({
    epochs: z.int().min(1),
    batchSize: z.int().min(2),
    learningRate: z.number().gt(0),
    schedule: scheduleSchema,
    momentum: z.number().min(0).lt(1),
    weightDecay: z.number().min(0),
    cropPadding: z.int().min(0).max(127),
    horizontalFlip: z.boolean(),
    checkpointEvery: z.int().min(1),
  }),
});

export type Recipe = z.infer<typeof recipeSchema>;

const fraction = z.number().min(0).max(1).nullable();

/** What is reported of an epoch; the test figures only where there was a test set. */
export const epochSchema = z.strictObject({
  /** Counted from 1. */
  epoch: z.int().min(1),
  loss: z.number(),
  /** On the training images, augmented and in training mode. */
  accuracy: z.number(),
  test: z.strictObject({ acc: fraction, asr: fraction, ra: fraction }).optional(),
});

export type EpochRecord = z.infer<typeof epochSchema>;

/**
 * Where two recipes differ, as paths such as `training.epochs`.
 *
 * @example
 * recipeDifferences(mine, checkpoint.recipe); // ["seed", "training.epochs"]
 */
export function recipeDifferences(one: unknown, other: unknown, path = ""): string[] {
  if (isObject(one) && isObject(other)) {
    const keys = new Set([...Object.keys(one), ...Object.keys(other)]);
    return [...keys].flatMap((key) =>
      recipeDifferences(one[key], other[key], path === "" ? key : `${path}.${key}`),
    );
  }
  return Object.is(one, other) ? [] : [path];
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null;
}
