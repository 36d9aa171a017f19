import type { CampaignView } from "../../protocol/round/access.ts";
import type { Scores } from "../../protocol/round/judging.ts";
import { numbers } from "./tiny-model.ts";

/**
 * An update made of arbitrary numbers, one array a slice; those of running statistics stay so small
 * that no variance is used up (SPEC U8).
 */
export function updateOf(view: CampaignView, seed: number, scale = 0.01): Float32Array[] {
  const next = numbers(seed);
  let offset = 0;
  return view.sliceLengths.map((length) => {
    const isTrainable = offset < view.model.trainableLength;
    const size = isTrainable ? scale : Math.max(-0.01, Math.min(scale, 0.01));
    offset += length;
    return Float32Array.from({ length }, () => next() * size);
  });
}

/** What a participant might say of a student: shares in images, flips to class 1. */
export interface Said {
  readonly images?: number;
  readonly agreement?: number;
  /** By norm; all of the campaign's, unless there are fewer. */
  readonly perturbed?: readonly number[];
  /** Of the teacher's mistakes, which it makes on all images. */
  readonly inherited?: number;
  readonly radii?: readonly number[];
  readonly loss?: number;
}

/** Scores that fit together. */
export function scoresOf(view: CampaignView, said: Said = {}): Scores {
  const { images = 10, agreement = 0.9, perturbed = [0.8, 0.7, 0.6], loss = 0.25 } = said;
  const { inherited = 0.3 } = said;
  const { radii } = { radii: view.config.judging.radii, ...said };
  return {
    images,
    loss,
    agreement,
    transfer: { class: 0, reach: 1, moved: images, followed: Math.round(inherited * images) },
    perturbed: radii.slice(0, perturbed.length).map((radius, i) => ({
      radius,
      agreement: perturbed[i]!,
      flips: Array.from({ length: view.model.classes }, (_, label) =>
        label === 1 ? Math.round(images * (1 - perturbed[i]!)) : 0,
      ),
    })),
  };
}
