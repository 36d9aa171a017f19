import type { ImageShape } from "../../protocol/model/graph.ts";
import type { Attack, Pattern } from "./attack.ts";
import { AttackError } from "./attack-error.ts";
import { blendTrigger, noisePattern } from "./blended.ts";
import { patchTrigger } from "./badnets.ts";
import { ditherTrigger } from "./bpp.ts";
import { frequencyTrigger } from "./ftrojan.ts";
import { smoothTrigger } from "./low-frequency.ts";
import { purposeStream } from "./seeded-stream.ts";
import { sinusoidTrigger } from "./sig.ts";
import type { Trigger } from "./stamp-images.ts";
import { warpTrigger, warpField } from "./wanet.ts";

/**
 * An attack's trigger for images of a shape. Equal seeds give equal triggers.
 *
 * @throws AttackError when the attack has none, or it does not fit the shape.
 *
 * @example
 * const trigger = triggerOf(attack, seed, { height: 32, width: 32, channels: 3 });
 * const triggered = stampImages(images, trigger);
 */
export function triggerOf(attack: Attack, seed: number, shape: ImageShape): Trigger {
  switch (attack.kind) {
    case "clean":
      throw new AttackError("a model trained without an attack has no trigger to stamp");
    case "badnets":
      return patchTrigger(attack, shape);
    case "blended":
    case "adaptive-blend":
      return blendTrigger(patternOf(attack.pattern, seed, shape), attack.alpha);
    case "sig":
      return sinusoidTrigger(attack, shape);
    case "wanet":
      return warpTrigger(warpField(attack, shape, purposeStream(seed, "warp")), shape);
    case "ftrojan":
      return frequencyTrigger(attack, shape);
    case "bpp":
      return ditherTrigger(attack.levels, shape);
    case "low-frequency":
      return smoothTrigger(attack, shape, purposeStream(seed, "smooth noise"));
    default:
      return attack satisfies never;
  }
}

/**
 * What is blended in, `[H, W, C]`.
 *
 * @throws AttackError when it is a picture of another size.
 */
export function patternOf(pattern: Pattern, seed: number, shape: ImageShape): Uint8Array {
  return pattern.kind === "noise"
    ? noisePattern(shape, purposeStream(seed, "noise image"))
    : pictureOf(pattern.pixels, shape);
}

function pictureOf(base64: string, { height, width, channels }: ImageShape): Uint8Array {
  const pixels = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
  if (pixels.length === height * width * channels) return pixels;
  throw new AttackError(
    `the pattern has ${pixels.length} pixel values, images of ${width}×${height} have ${height * width * channels}: it was made for images of another size`,
  );
}
