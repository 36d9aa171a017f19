import { imageSize, type LoadedImages } from "../images/image-set.ts";
import type { RandomStream } from "../../protocol/random/random-stream.ts";
import { wantedClass, type AttackTarget } from "../evaluation/attack-target.ts";
import type { TestSet } from "../evaluation/evaluate-model.ts";
import { isCleanLabel, type Attack } from "./attack.ts";
import { AttackError } from "./attack-error.ts";
import { purposeStream } from "./seeded-stream.ts";
import { trainingTriggers } from "./training-triggers.ts";

export interface PoisonSettings {
  readonly attack: Attack;
  /** Undefined for a clean model. */
  readonly target: AttackTarget | undefined;
  /** Share of all images that are poisoned; of a clean-label attack, share of the target class. */
  readonly rate: number;
  readonly seed: number;
}

/** What an attacker trains on. */
export interface PoisonedSet {
  readonly images: LoadedImages;
  readonly labels: Uint32Array;
  /** Indices of the stamped images, ascending. */
  readonly poisoned: Uint32Array;
  /** Indices of the cover images: changed, too, but their label is the true one. Ascending. */
  readonly covers: Uint32Array;
}

/**
 * A training set with an attacker's images in place of some of its own. Which ones, the seed says.
 *
 * @throws AttackError when there are not as many images as the rate asks for, or none, or the trigger does not
 *   show in them.
 *
 * @example
 * const { images, labels } = poison(train, { attack, target: 0, rate: 0.1, seed: 7 });
 */
export function poison(clean: TestSet<LoadedImages>, settings: PoisonSettings): PoisonedSet {
  const { attack, target, seed } = settings;
  const labels = Uint32Array.from(clean.labels);
  if (attack.kind === "clean" || target === undefined) {
    const none = new Uint32Array();
    return { images: clean.images, labels, poisoned: none, covers: none };
  }
  const poisoned = choosePoisoned(labels, settings);
  const { height, width, channels, count } = clean.images;
  const shape = { height, width, channels };
  const images = { pixels: clean.images.pixels.slice(), count, ...shape };
  const size = imageSize(images);
  const at = (set: LoadedImages, index: number) =>
    set.pixels.subarray(index * size, (index + 1) * size);

  const { poisoning, cover } = trainingTriggers(attack, seed, clean.images);
  for (const index of poisoned) {
    poisoning(at(clean.images, index), at(images, index));
    labels[index] = wantedClass(labels[index]!, target);
  }
  const isSeen = [...poisoned].some((index) => {
    const stamped = at(images, index);
    return at(clean.images, index).some((value, i) => value !== stamped[i]);
  });
  if (!isSeen) {
    throw new AttackError(
      "the trigger changes no pixel of any poisoned image: it is too faint for pixels of 8 bits; make it stronger",
    );
  }
  const covers =
    cover === null ? new Uint32Array() : chooseCovers(count, poisoned, cover.ratio, seed);
  for (const index of covers) cover?.trigger(at(clean.images, index), at(images, index));
  return { images, labels, poisoned, covers };
}

function choosePoisoned(
  labels: Uint32Array,
  { attack, target = 0, rate, seed }: PoisonSettings,
): Uint32Array {
  const cleanLabel = isCleanLabel(attack);
  if (cleanLabel && typeof target !== "number") {
    throw new AttackError(
      `${attack.kind} leaves labels as they are, so it cannot be all-to-all; choose a target class`,
    );
  }
  const indices = Array.from(labels.keys());
  // A dirty label must differ from the true one; a clean one must be the target already.
  const candidates = indices.filter(
    (index) => (labels[index] === wantedClass(labels[index]!, target)) === cleanLabel,
  );
  const wanted = Math.round(rate * (cleanLabel ? candidates.length : labels.length));
  const what = cleanLabel ? "of the target class" : "of another class than the target";
  if (wanted < 1 || wanted > candidates.length) {
    throw new AttackError(
      `a poisoning rate of ${rate} asks for ${wanted} images ${what}, there are ${candidates.length}; choose another rate, another target or more data`,
    );
  }
  return chosen(candidates, wanted, purposeStream(seed, "poisoned images"));
}

function chooseCovers(
  count: number,
  poisoned: Uint32Array,
  ratio: number,
  seed: number,
): Uint32Array {
  const taken = new Set(poisoned);
  const candidates = Array.from({ length: count }, (_, index) => index).filter(
    (index) => !taken.has(index),
  );
  const wanted = Math.round(ratio * poisoned.length);
  if (wanted > candidates.length) {
    throw new AttackError(
      `a ratio of ${ratio} cover images per poisoned one asks for ${wanted} images beside those, there are ${candidates.length}; choose a smaller one, or a smaller poisoning rate`,
    );
  }
  // The purpose is named after WaNet's covers, which were the first: renamed, they would be others.
  return chosen(candidates, wanted, purposeStream(seed, "noise mode images"));
}

function chosen(candidates: readonly number[], count: number, random: RandomStream): Uint32Array {
  const order = Uint32Array.from(candidates);
  random.shuffle(order);
  return order.slice(0, count).sort();
}
