import type { AdversarySettings } from "../../../../client/engine/adversary-settings.ts";
import type { NormGroups } from "./reference-network.ts";
import { referenceLoss, type ReferenceLoss, type ReferenceTarget } from "./reference-loss.ts";
import { zeros, type Tensor } from "./reference-operations.ts";
import { stretchLow } from "./reference-frequencies.ts";
import { ascendWarp, ReferenceWarp } from "./reference-warp.ts";

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

/** Norm groups of the training pass: copies take their statistics from the images. */
export function passGroups({ groupSize, perGroup }: CopyPlan): NormGroups {
  return { size: groupSize + perGroup, clean: groupSize };
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

/** Places of the copies that φ warps, where there is one, or of the others, that δ is added to. */
function copyPlaces({ perGroup, groups }: CopyPlan, warped: boolean): number[] {
  return Array.from({ length: perGroup * groups }, (_, copy) => copy).filter(
    (copy) => ((copy % perGroup) % 2 === 1) === warped,
  );
}

/** The copies, in order: x + δ, or where there is a φ, warp(x, φ) every second time; plus the pattern. */
export function perturbedCopies(
  images: Tensor,
  plan: CopyPlan,
  perturbation: Perturbation,
): Tensor {
  const copies = movedCopies(images, plan, perturbation);
  const { pattern } = perturbation;
  return pattern ? addPerturbation(copies, pattern) : copies;
}

function movedCopies(images: Tensor, plan: CopyPlan, { delta, field }: Perturbation): Tensor {
  const copied = takeRows(images, copiedRows(plan));
  const moved = addPerturbation(copied, delta);
  if (!field) return moved;
  const { warped } = new ReferenceWarp(copied, field);
  const length = delta.length;
  for (const copy of copyPlaces(plan, true)) {
    const [from, to] = [copy * length, (copy + 1) * length];
    moved.values.set(warped.values.subarray(from, to), from);
  }
  return moved;
}

/** The batch and its copies as the training pass reads them. */
export function withCopies(images: Tensor, plan: CopyPlan, perturbation: Perturbation): Tensor {
  const rows = passRows(plan);
  const all = takeRows(
    images,
    rows.map(({ row }) => row),
  );
  const copies = perturbedCopies(images, plan, perturbation).values;
  const length = all.values.length / rows.length;
  rows.forEach(({ copy }, i) => {
    if (copy === undefined) return;
    all.values.set(copies.subarray(copy * length, (copy + 1) * length), i * length);
  });
  return all;
}

/** Gradient by each copy, of one by the rows of the training pass. */
export function gradientOfCopies(gradient: Tensor, plan: CopyPlan): Tensor {
  const places = passRows(plan).flatMap(({ copy }, i) => (copy === undefined ? [] : [i]));
  return takeRows(gradient, places);
}

/** Gradient by each image of the batch, its copy included. */
export function gradientOfImages(gradient: Tensor, plan: CopyPlan): Tensor {
  const rows = passRows(plan);
  const length = gradient.values.length / rows.length;
  const sum = zeros([plan.groups * plan.groupSize, ...gradient.shape.slice(1)]);
  rows.forEach(({ row }, i) => {
    for (let k = 0; k < length; k++) {
      sum.values[row * length + k]! += gradient.values[i * length + k]!;
    }
  });
  return sum;
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

/** What copies are made with. */
export interface Perturbation {
  /** δ: `[H, W, C]` for all of them, or `[copies, H, W, C]`. */
  readonly delta: Float64Array;
  /** φ: `[grid, grid, 2]`; undefined where nothing warps. */
  readonly field?: Float64Array | undefined;
  /** `[H, W, C]`, added to all of them besides. */
  readonly pattern?: Float64Array | undefined;
}

/** δ and φ, ascending: one for all images, or a δ for each copy. */
export class ReferencePerturbation {
  /** What is kept from step to step: δ, and φ behind it once there is one. */
  universal: Float64Array | undefined;
  /** Nearest that any place came to where the slope of its sample jumps. */
  warpMargin = Infinity;
  /** Smallest component of a gradient whose sign was taken, in the largest; where it is not 0. */
  signMargin = Infinity;

  /** What a step begins with. */
  first(
    settings: AdversarySettings,
    { perGroup, groups }: CopyPlan,
    imageLength: number,
  ): Perturbation {
    const { scope, restart, warp } = settings;
    const told = settings.field && Float64Array.from(settings.field);
    const pattern = settings.pattern && Float64Array.from(settings.pattern);
    if (scope === "per-image") {
      return { delta: new Float64Array(perGroup * groups * imageLength), pattern };
    }
    if (restart) this.universal = Float64Array.from(restart);
    const kept = this.universal ?? new Float64Array(imageLength);
    const delta = kept.slice(0, imageLength);
    if (!warp) return { delta, pattern };
    const field = kept.slice(imageLength);
    const length = 2 * warp.grid ** 2;
    const own = field.length === length ? field : new Float64Array(length);
    return { delta, field: told ?? own, pattern };
  }

  /** Keeps a universal perturbation; a φ that the step has none of stays. */
  keep({ delta, field }: Perturbation, store: (value: number) => number): void {
    const behind = field ?? this.universal?.subarray(delta.length) ?? [];
    this.universal = Float64Array.of(...delta, ...behind).map(store);
  }

  /**
   * One ascent along the gradients of copies by themselves, `[copies, H, W, C]`.
   *
   * @param images of the whole batch
   */
  climb(
    { delta, field, pattern }: Perturbation,
    gradient: Tensor,
    images: Tensor,
    plan: CopyPlan,
    settings: AdversarySettings,
  ): Perturbation {
    const added = field ? takeRows(gradient, copyPlaces(plan, false)) : gradient;
    const ofDelta = settings.scope === "universal" ? sumRows(added) : added.values;
    const moved = this.#ascendStretched(delta, ofDelta, images.shape.slice(1), settings);
    if (!field) return { delta: moved, pattern };
    const byField = this.#gradientByField(field, gradient, images, plan);
    return { delta: moved, field: ascendWarp(field, byField, settings.warp!), pattern };
  }

  /** Of the copies that φ warps; zeros where there are none. */
  #gradientByField(
    field: Float64Array,
    gradient: Tensor,
    images: Tensor,
    plan: CopyPlan,
  ): Float64Array {
    const places = copyPlaces(plan, true);
    if (places.length === 0) return new Float64Array(field.length);
    const copied = copiedRows(plan);
    const sources = places.map((place) => copied[place]!);
    const warp = new ReferenceWarp(takeRows(images, sources), field);
    this.warpMargin = Math.min(this.warpMargin, warp.margin);
    return warp.gradient(takeRows(gradient, places));
  }

  /** δ ← S·Π(S⁻¹·δ + stepLength·ĝ); S is 1 where no frequencies are low. */
  #ascendStretched(
    delta: Float64Array,
    gradient: Float64Array,
    shape: readonly number[],
    settings: AdversarySettings,
  ): Float64Array {
    const length = shape.reduce((product, size) => product * size, 1);
    const { lowFrequencies: low } = settings;
    if (!low) return this.ascend(delta, gradient, length, settings);
    const stretch = (image: Float64Array, factor: number): Float64Array =>
      stretchLow(image, shape, low.share, factor);
    const moved = this.ascend(
      stretch(delta, 1 / low.gain),
      stretch(gradient, low.gain),
      length,
      settings,
    );
    return stretch(moved, low.gain);
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
