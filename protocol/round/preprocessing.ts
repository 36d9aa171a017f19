import { z } from "zod";
import { ProtocolError } from "../errors.ts";
import { SIZES, type ImageShape } from "../model/graph.ts";
import {
  CHANNEL_ORDERS,
  INTERPOLATIONS,
  OWN_SIZE,
  RESIZES,
  VALUE_RANGES,
  type PreprocessingDefaults,
} from "../model/preprocessing-defaults.ts";

const resizeTo = z
  .int()
  .min(SIZES.least)
  .max(2 * SIZES.most);
const byChannel = (value: z.ZodNumber) =>
  z.array(value).refine(({ length }) => length === 1 || length === 3, {
    message: "must be one number a channel: 3, or 1 for grey pictures",
  });

/**
 * What the model was trained with (SPEC N): how a picture becomes an image, and an image's pixels the
 * values that the network reads. The family's own where it is left out; the coordinator fills it in.
 */
export const preprocessingSchema = z
  .strictObject({
    /** `shorter-side`: in proportion, until the shorter side is `resizeTo`; `squash`: both sides are. */
    resize: z.enum(RESIZES).optional(),
    /** At least the images' side; what is more is cropped away around the middle. */
    resizeTo: resizeTo.optional(),
    interpolation: z.enum(INTERPOLATIONS).optional(),
    /** Filters that widen when shrinking, as Pillow's; without, as OpenCV's and PyTorch's own. */
    antialias: z.boolean().optional(),
    channelOrder: z.enum(CHANNEL_ORDERS).optional(),
    /** What a pixel is before mean and std: `unit` 0 to 1, `bytes` 0 to 255, `symmetric` −1 to 1. */
    range: z.enum(VALUE_RANGES).optional(),
    /** x = (value − mean)/std, in the order of the model's channels. */
    mean: byChannel(z.number()).optional(),
    std: byChannel(z.number().positive()).optional(),
  })
  .refine(({ antialias, interpolation }) => !(antialias === true && interpolation === "nearest"), {
    message: "the nearest pixel is no filter that could widen: leave it out, or false",
    path: ["antialias"],
  });

/** What is made of a picture before a model reads its pixels: what a participant is told first. */
export const preparationSchema = z.object({
  resize: z.enum(RESIZES),
  resizeTo,
  interpolation: z.enum(INTERPOLATIONS),
  antialias: z.boolean(),
  channelOrder: z.enum(CHANNEL_ORDERS),
});

type Given = z.output<typeof preprocessingSchema>;

/** All of it, once it is filled in. */
export type Preprocessing = { readonly [Key in keyof Given]-?: NonNullable<Given[Key]> };

/**
 * Fills in what was left out (SPEC N1).
 *
 * @param defaults the family's
 * @param shape of the images that the model reads
 * @throws ProtocolError `malformed-request` for what is missing and has no default, or does not go with
 *   the model's images.
 *
 * @example
 * const preprocessing = completePreprocessing({ mean, std }, model.preprocessing, graph.inputShape);
 */
export function completePreprocessing(
  given: Given,
  defaults: PreprocessingDefaults,
  { channels, height: size }: ImageShape,
): Preprocessing {
  const resizedTo = given.resizeTo ?? Math.floor(size / defaults.crop);
  if (resizedTo < size) {
    throw refused(
      "resizeTo",
      `${resizedTo} is less than the images' ${size}: no crop enlarges them`,
    );
  }
  const interpolation = given.interpolation ?? defaults.interpolation;
  const channelOrder = given.channelOrder ?? defaults.channelOrder;
  if (channels !== 3 && channelOrder === "bgr") {
    throw refused("channelOrder", "the model reads no red, green and blue that had an order");
  }
  // One that is given and another's that is not would go with no model.
  const pixels = given.mean === undefined && given.std === undefined ? defaults : given;
  return {
    resize: given.resize ?? defaults.resize,
    resizeTo: resizedTo,
    interpolation,
    antialias: interpolation !== "nearest" && (given.antialias ?? defaults.antialias),
    channelOrder,
    range: given.range ?? defaults.range,
    mean: valuesOf("mean", pixels.mean, channels),
    std: valuesOf("std", pixels.std, channels),
  };
}

function valuesOf(
  key: "mean" | "std",
  values: readonly number[] | undefined,
  channels: number,
): number[] {
  if (values === undefined) {
    throw refused(key, "is needed: nothing tells what the model was trained with");
  }
  if (values.length === channels) return [...values];
  throw refused(key, `has ${values.length} values, the model reads ${channels} channels`);
}

function refused(key: keyof Given, what: string): ProtocolError {
  return new ProtocolError("malformed-request", `preprocessing.${key}: ${what}`);
}

/**
 * A campaign's preprocessing, which its coordinator has filled in; of one from before there was more
 * than mean and std, what held then.
 */
export function preprocessingOf(
  { preprocessing }: { readonly preprocessing: Given },
  shape: ImageShape,
): Preprocessing {
  return completePreprocessing(preprocessing, OWN_SIZE, shape);
}
