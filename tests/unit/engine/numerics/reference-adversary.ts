import type { AdversarySettings } from "../../../../client/engine/engine.ts";
import { referenceLoss, type ReferenceLoss, type ReferenceTarget } from "./reference-loss.ts";
import { zeros, type Tensor } from "./reference-operations.ts";

/**
 * Adversarial consistency as `AdversarySettings` defines it, in float64: which images are copied,
 * the loss of both, how a perturbation ascends.
 */

/** Which rows of a batch are copied, and where the copies stand in the training pass. */
export interface CopyPlan {
  /** Images of a norm group, and copies of the first of them. */
  readonly groupSize: number;
  readonly perGroup: number;
  readonly groups: number;
}

export function copyPlan(share: number, size: number, groupSize: number): CopyPlan {
  const perGroup = Math.max(1, Math.round(share * groupSize));
  return { groupSize, perGroup, groups: size / groupSize };
}

/** Rows of the batch that have a copy, in order. */
export function copiedRows({ groupSize, perGroup, groups }: CopyPlan): number[] {
  return Array.from(
    { length: groups * perGroup },
    (_, copy) => Math.floor(copy / perGroup) * groupSize + (copy % perGroup),
  );
}

/** Rows of the training pass in order: a row of the batch, and which copy of it, if any. */
function passRows(plan: CopyPlan): { row: number; copy: number | undefined }[] {
  const { groupSize, perGroup, groups } = plan;
  const copied = copiedRows(plan);
  return Array.from({ length: groups }, (_, group) => {
    const own = Array.from({ length: groupSize }, (_unused, i) => ({
      row: group * groupSize + i,
      copy: undefined,
    }));
    const copies = Array.from({ length: perGroup }, (_unused, i) => {
      const copy = group * perGroup + i;
      return { row: copied[copy]!, copy };
    });
    return [...own, ...copies];
  }).flat();
}

/** Some rows of a tensor. */
export function takeRows({ shape, values }: Tensor, rows: readonly number[]): Tensor {
  const length = values.length / shape[0]!;
  const taken = new Float64Array(rows.length * length);
  rows.forEach((row, i) => {
    taken.set(values.subarray(row * length, (row + 1) * length), i * length);
  });
  return { shape: [rows.length, ...shape.slice(1)], values: taken };
}

/** Images with δ added: one for all of them, or one each. */
export function addPerturbation({ shape, values }: Tensor, delta: Float64Array): Tensor {
  return { shape, values: values.map((value, i) => value + delta[i % delta.length]!) };
}

/** The batch and its copies as the training pass reads them. */
export function withCopies(images: Tensor, plan: CopyPlan, delta: Float64Array): Tensor {
  const rows = passRows(plan);
  const all = takeRows(
    images,
    rows.map(({ row }) => row),
  );
  const length = all.values.length / rows.length;
  rows.forEach(({ copy }, i) => {
    if (copy === undefined) return;
    const own = delta.length === length ? 0 : copy * length;
    for (let k = 0; k < length; k++) all.values[i * length + k]! += delta[own + k]!;
  });
  return all;
}

/** Gradient by each copy, of one by the rows of the training pass. */
export function gradientOfCopies(gradient: Tensor, plan: CopyPlan): Tensor {
  const places = passRows(plan).flatMap(({ copy }, i) => (copy === undefined ? [] : [i]));
  return takeRows(gradient, places);
}

/** Both terms of the loss, and the gradient of their weighted sum by the pass' logits. */
export function lossWithCopies(
  logits: Tensor,
  teacher: Tensor,
  temperature: number,
  plan: CopyPlan,
  weight: number,
): { images: ReferenceLoss; copies: ReferenceLoss; dLogits: Tensor } {
  const rows = passRows(plan);
  const dLogits = zeros(logits.shape);
  const classes = logits.shape[1]!;
  const part = (wanted: boolean, weighs: number): ReferenceLoss => {
    const places = rows.flatMap(({ copy }, i) => ((copy !== undefined) === wanted ? [i] : []));
    const answers = takeRows(
      teacher,
      places.map((place) => rows[place]!.row),
    );
    const found = referenceLoss(takeRows(logits, places), { logits: answers, temperature });
    places.forEach((place, i) => {
      for (let k = 0; k < classes; k++) {
        dLogits.values[place * classes + k] = weighs * found.dLogits.values[i * classes + k]!;
      }
    });
    return found;
  };
  return { images: part(false, 1), copies: part(true, weight), dLogits };
}

/** Gradient by the logits of the sum over the rows of KL(target ‖ student) at temperature 1. */
export function summedGradient(logits: Tensor, target: ReferenceTarget): Tensor {
  const { dLogits } = referenceLoss(logits, target);
  return {
    shape: dLogits.shape,
    values: dLogits.values.map((value) => value * logits.shape[0]!),
  };
}

/** Σ over the rows. */
export function sumRows({ shape, values }: Tensor): Float64Array {
  const length = values.length / shape[0]!;
  const sum = new Float64Array(length);
  values.forEach((value, i) => (sum[i % length]! += value));
  return sum;
}

/** δ, ascending: one for all images, or one for each copy. */
export class ReferencePerturbation {
  /** What is kept from step to step. */
  universal: Float64Array | undefined;
  /** Smallest component of a gradient whose sign was taken, in the largest; where it is not 0. */
  signMargin = Infinity;

  /** What a step begins with. */
  first(
    { scope, restart }: AdversarySettings,
    { perGroup, groups }: CopyPlan,
    imageLength: number,
  ): Float64Array {
    if (scope === "per-image") return new Float64Array(perGroup * groups * imageLength);
    if (restart) return Float64Array.from(restart);
    return this.universal ?? new Float64Array(imageLength);
  }

  /** δ ← Π(δ + stepLength·ĝ), image by image. */
  ascend(
    delta: Float64Array,
    gradient: Float64Array,
    imageLength: number,
    settings: Pick<AdversarySettings, "norm" | "radius" | "stepLength">,
  ): Float64Array {
    const moved = new Float64Array(delta.length);
    for (let from = 0; from < delta.length; from += imageLength) {
      const at = delta.subarray(from, from + imageLength);
      const g = gradient.subarray(from, from + imageLength);
      moved.set(settings.norm === "l2" ? inBall(at, g, settings) : inBox(at, g, settings), from);
      if (settings.norm === "linf") this.#watchSigns(g);
    }
    return moved;
  }

  #watchSigns(gradient: Float64Array): void {
    const sizes = gradient.map(Math.abs).filter((size) => size > 0);
    this.signMargin = Math.min(this.signMargin, Math.min(...sizes) / Math.max(...sizes));
  }
}

type Ascent = Pick<AdversarySettings, "radius" | "stepLength">;

function inBall(
  delta: Float64Array,
  gradient: Float64Array,
  { radius, stepLength }: Ascent,
): Float64Array {
  const length = lengthOf(gradient);
  const rate = length === 0 ? 0 : stepLength / length;
  const moved = delta.map((value, i) => value + rate * gradient[i]!);
  const size = lengthOf(moved);
  return size > radius ? moved.map((value) => (value * radius) / size) : moved;
}

function inBox(
  delta: Float64Array,
  gradient: Float64Array,
  { radius, stepLength }: Ascent,
): Float64Array {
  return delta.map((value, i) => {
    const moved = value + stepLength * Math.sign(gradient[i]!);
    return Math.max(-radius, Math.min(radius, moved));
  });
}

function lengthOf(values: Float64Array): number {
  return Math.sqrt(values.reduce((sum, value) => sum + value * value, 0));
}
