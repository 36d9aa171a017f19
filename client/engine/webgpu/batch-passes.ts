import type { Graph } from "../../../protocol/model/graph.ts";
import type { StateLayout } from "../../../protocol/model/state-layout.ts";
import type { AdversarySettings } from "../adversary-settings.ts";
import type { PerturbedCopies, ProgramMode } from "../program/compile.ts";
import { fieldLength, imageLengthOf } from "../host/warp-field.ts";
import { SHARPNESS_PARTS } from "./wgsl/sharpness.ts";

/** Copies that a step trains on, and how their perturbations ascend. */
export interface AdversaryRequest extends Pick<
  AdversarySettings,
  "norm" | "ascents" | "lowFrequencies"
> {
  readonly copies: PerturbedCopies;
}

/** What decides how a batch is gone through. */
export interface BatchRequest {
  readonly mode: ProgramMode;
  /** N, images of the batch. */
  readonly size: number;
  readonly groupSize: number;
  readonly adversary?: AdversaryRequest | undefined;
  /** Whether the gradient is taken at weights nearby where the loss is larger. */
  readonly sharpens?: boolean | undefined;
}

/** One way through all micro-batches of a batch. */
export interface BatchPass {
  readonly mode: ProgramMode;
  readonly copies: PerturbedCopies | undefined;
  /** Whether the logits are kept for later passes. */
  readonly keepsAnswers: boolean;
  /** Whether perturbations ascend after it. */
  readonly ascends: boolean;
  /** Whether they are zero up to here, whatever the memory holds. */
  readonly fresh: boolean;
  /** Whether the weights go where the loss is larger after it. */
  readonly sharpens: boolean;
}

/** The passes of a request in order; the last is the one asked for. */
export function passesOf({ mode, adversary, sharpens = false }: BatchRequest): BatchPass[] {
  const copies = adversary?.copies;
  const ascents = adversary?.ascents ?? 0;
  const isFree = adversary !== undefined && ascents === 0;
  const plain = {
    copies: undefined,
    keepsAnswers: false,
    ascends: false,
    fresh: false,
    sharpens: false,
  };
  if (ascents === 0 && !sharpens) return [{ ...plain, mode, copies, ascends: isFree }];
  const attacks = Array.from({ length: ascents }, (_, i) => ({
    ...plain,
    mode: "attack" as const,
    copies,
    ascends: true,
    fresh: copies?.perImage === true && i === 0,
  }));
  return [
    { ...plain, mode: "evaluate", keepsAnswers: true },
    ...attacks,
    { ...plain, mode: "imitate", copies, sharpens },
    ...(sharpens ? [{ ...plain, mode: "revise" as const, copies, ascends: isFree }] : []),
  ];
}

/** Whether a pass gives the gradient by the weights. */
export function trains({ mode }: BatchPass): boolean {
  return mode === "distil" || mode === "imitate" || mode === "revise";
}

/** Whether a pass takes each image by itself, so that it may be cut anywhere. */
export function takesImagesAlone({ mode, copies }: BatchPass): boolean {
  return mode === "evaluate" || (mode === "attack" && !copies);
}

/**
 * Memory at the end of the arena, after all that programs use: what one pass leaves for another.
 * Floats from the shelf's beginning.
 */
export interface Shelf {
  /** The teacher's logits `[N, classes]`. */
  readonly answers: number;
  /** `[M, H, W, C]`, of single images. */
  readonly perturbations: number;
  /** Gradients that perturbations ascend along: of one, or of each. */
  readonly ascent: number;
  /** Gradients by every pixel's displacement, `[H, W, 2]`, and by the field that warps. */
  readonly warpSums: number;
  readonly warpGradient: number;
  /** Twice an image each, of `ProjectionPlace`. */
  readonly across: number;
  readonly low: number;
  /** θ, and what `SharpnessPlace` has besides. */
  readonly weights: number;
  readonly sharpness: number;
  /** Perturbations there are: 1, or M. */
  readonly count: number;
  readonly length: number;
}

const NO_SHELF: Shelf = {
  answers: 0,
  perturbations: 0,
  ascent: 0,
  warpSums: 0,
  warpGradient: 0,
  across: 0,
  low: 0,
  weights: 0,
  sharpness: 0,
  count: 0,
  length: 0,
};

/** Floats: 256 bytes. */
const ALIGNMENT = 64;

export function aligned(floats: number): number {
  return Math.ceil(floats / ALIGNMENT) * ALIGNMENT;
}

export function shelfOf(
  request: BatchRequest,
  { inputShape, classes }: Graph,
  { trainableLength }: StateLayout,
): Shelf {
  const { mode, size, adversary, sharpens } = request;
  if (!adversary && !sharpens && mode !== "attack") return NO_SHELF;
  const imageLength = imageLengthOf(inputShape);
  const warpGrid = adversary?.copies.warpGrid;
  const perImage = adversary?.copies.perImage === true;
  const count = perImage ? copiesIn(request) : 1;
  const keepsAnswers = sharpens || (adversary !== undefined && adversary.ascents > 0);
  const perturbations = keepsAnswers ? aligned(size * classes) : 0;
  const ascent = perturbations + (perImage ? aligned(count * imageLength) : 0);
  const warpSums = ascent + aligned(count * imageLength);
  const pixels = warpGrid === undefined ? 0 : inputShape.height * inputShape.width;
  const warpGradient = warpSums + aligned(2 * pixels);
  const projected = adversary?.lowFrequencies ? aligned(2 * imageLength) : 0;
  const across = warpGradient + aligned(fieldLength(warpGrid ?? 0));
  const low = across + projected;
  const weights = low + projected;
  const sharpness = weights + (sharpens ? aligned(trainableLength) : 0);
  const length = sharpness + (sharpens ? aligned(SHARPNESS_PARTS + 1) : 0);
  const ofCopies = { perturbations, ascent, warpSums, warpGradient, across, low };
  return { answers: 0, ...ofCopies, weights, sharpness, count, length };
}

/** M, copies that a batch gets. */
export function copiesIn({ size, groupSize, adversary }: BatchRequest): number {
  return adversary ? (size / groupSize) * adversary.copies.perGroup : 0;
}
