import { purposeStream } from "../../../client/attack/seeded-stream.ts";
import type { Trigger } from "../../../client/attack/stamp-images.ts";

/** Random pixels, `[length]`. */
export function randomPixels(length: number, seed = 1): Uint8Array {
  const random = purposeStream(seed, "pixels of a test");
  return Uint8Array.from({ length }, () => random.below(256));
}

/** One image, stamped. */
export function stamped(image: Uint8Array, trigger: Trigger): Uint8Array {
  const out = new Uint8Array(image.length);
  trigger(image, out);
  return out;
}
