import { distillationLoss, type HostLoss } from "../../host/host-loss.ts";
import type { LossKernel } from "../../program/kernels/head.ts";
import type { Floats } from "./host-kernels.ts";

/** What a loss kernel needs to know of the step. */
export interface LossTarget {
  readonly temperature: number;
  /** Images of the whole batch, whose mean loss it is. */
  readonly batchSize: number;
  /** `[images, classes]` of this micro-batch, where the kernel has no teacher. */
  readonly given: Float32Array | undefined;
  /** Weight of the copies' mean loss, and how many there are in the whole batch. */
  readonly copies: { readonly weight: number; readonly count: number } | undefined;
}

/** Sums over images, and over perturbed copies of some. */
export interface LossTotals {
  readonly images: HostLoss;
  readonly copies: HostLoss;
}

export const NO_LOSS: LossTotals = {
  images: { loss: 0, agreement: 0 },
  copies: { loss: 0, agreement: 0 },
};

/** Sums over the images, in order, added to `totals`. */
export function loss(
  floats: Floats,
  kernel: LossKernel,
  groups: number,
  target: LossTarget,
  totals: LossTotals,
): LossTotals {
  const { classes, images, rows, teacher, given } = kernel;
  const logits = floats(kernel.student);
  const answers = teacher ? floats(teacher) : target.given!;
  const gradient = floats(kernel.dLogits);
  const ascends = kernel.purpose === "ascent";
  const temperature = ascends ? 1 : target.temperature;
  /** Rows of the student from `first` on, which are to answer what the teacher's from `answer` do. */
  const over = (
    first: number,
    answer: number,
    count: number,
    mean: { readonly weight: number; readonly count: number },
    total: HostLoss,
  ): HostLoss => {
    const from = first * classes;
    const length = count * classes;
    return distillationLoss({
      student: logits.subarray(from, from + length),
      target: answers.subarray(answer * classes, answer * classes + length),
      targetIs: given,
      classes,
      temperature,
      batchSize: mean.count,
      weight: mean.weight,
      gradient: gradient.subarray(from, from + length),
      total,
    });
  };
  const own = { weight: 1, count: target.batchSize };
  if (!rows) return { ...totals, images: over(0, 0, images, own, totals.images) };
  const theirs = ascends ? { weight: 1, count: 1 } : target.copies!;
  const { groupSize, clean, copies } = rows;
  let { images: ofImages, copies: ofCopies } = totals;
  for (let group = 0; group < groups; group++) {
    const first = group * (clean + copies);
    const answer = group * groupSize;
    ofImages = over(first, answer, clean, own, ofImages);
    ofCopies = over(first + clean, answer, copies, theirs, ofCopies);
  }
  return { images: ofImages, copies: ofCopies };
}
