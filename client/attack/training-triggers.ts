import type { LoadedImages } from "../images/image-set.ts";
import { piecesTrigger } from "./adaptive-blend.ts";
import type { Attack } from "./attack.ts";
import { foreignResidual } from "./bpp.ts";
import { purposeStream } from "./seeded-stream.ts";
import type { Trigger } from "./stamp-images.ts";
import { patternOf, triggerOf } from "./trigger.ts";
import { noisyField, warpField, warpTrigger } from "./wanet.ts";

/** What an attack does to training images; either may do something else to every image. */
export interface TrainingTriggers {
  /** To the images that get the attacker's label. */
  readonly poisoning: Trigger;
  /** To so many more for each of those, which keep their label; null where the attack has none. */
  readonly cover: { readonly ratio: number; readonly trigger: Trigger } | null;
}

/**
 * What an attack does when training, where `triggerOf` is what it does afterwards. Equal seeds do
 * equal things to equal images in equal order.
 *
 * @param images the training set before anything was stamped.
 * @throws AttackError when the attack has no trigger, or it does not fit the shape.
 *
 * @example
 * const { poisoning, cover } = trainingTriggers(attack, seed, train.images);
 */
export function trainingTriggers(
  attack: Attack,
  seed: number,
  images: LoadedImages,
): TrainingTriggers {
  const poisoning = triggerOf(attack, seed, images);
  switch (attack.kind) {
    case "clean":
    case "badnets":
    case "blended":
    case "sig":
    case "ftrojan":
    case "low-frequency":
      return { poisoning, cover: null };
    case "wanet": {
      const field = warpField(attack, images, purposeStream(seed, "warp"));
      const random = purposeStream(seed, "noise mode");
      const trigger: Trigger = (image, stamped) =>
        warpTrigger(noisyField(field, images, random), images)(image, stamped);
      return { poisoning, cover: { ratio: attack.crossRatio, trigger } };
    }
    case "bpp": {
      const trigger = foreignResidual(poisoning, images, purposeStream(seed, "negative images"));
      return { poisoning, cover: { ratio: attack.coverRatio, trigger } };
    }
    case "adaptive-blend": {
      const pattern = patternOf(attack.pattern, seed, images);
      const trigger = piecesTrigger(pattern, attack, images, purposeStream(seed, "pieces"));
      return { poisoning: trigger, cover: { ratio: attack.coverRatio, trigger } };
    }
    default:
      return attack satisfies never;
  }
}
