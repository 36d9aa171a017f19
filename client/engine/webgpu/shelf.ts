import type { Graph } from "../../../protocol/model/graph.ts";
import type { StateLayout } from "../../../protocol/model/state-layout.ts";
import { fieldLength, imageLengthOf } from "../host/warp-field.ts";
import type { RegulariserName } from "../regularisers.ts";
import { stepPasses } from "../step/passes.ts";
import { copiesIn, type StepRequest } from "../step/request.ts";
import { SCRATCH } from "./regularisers.ts";

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
  /** θ, where a regulariser leaves it. */
  readonly weights: number;
  /** What regularisers need for themselves. */
  readonly scratch: ReadonlyMap<RegulariserName, number>;
  /** Perturbations there are: 1, or M. */
  readonly count: number;
  readonly length: number;
}

/** Floats: 256 bytes. */
const ALIGNMENT = 64;

export function aligned(floats: number): number {
  return Math.ceil(floats / ALIGNMENT) * ALIGNMENT;
}

/** Where everything is that a request's passes leave; without length where they leave nothing. */
export function shelfOf(
  request: StepRequest,
  { inputShape, classes }: Graph,
  { trainableLength }: StateLayout,
): Shelf {
  const { mode, size, adversary, regularisers } = request;
  const passes = stepPasses(request);
  const keepsAnswers = passes.some((pass) => pass.keepsAnswers);
  const keepsWeights = passes.some(({ ends }) => ends.includes("keep"));
  const perturbs = adversary !== undefined || mode === "attack";
  const imageLength = imageLengthOf(inputShape);
  const copies = adversary?.copies;
  const perImage = copies?.perImage === true;
  const count = perImage ? copiesIn(request) : 1;
  const { height, width } = inputShape;

  let length = 0;
  /** The beginning of so many floats more. */
  const next = (floats: number): number => {
    const from = length;
    length += aligned(floats);
    return from;
  };
  return {
    answers: next(keepsAnswers ? size * classes : 0),
    perturbations: next(perImage ? count * imageLength : 0),
    ascent: next(perturbs ? count * imageLength : 0),
    warpSums: next(copies?.warpGrid === undefined ? 0 : 2 * height * width),
    warpGradient: next(fieldLength(copies?.warpGrid ?? 0)),
    across: next(adversary?.lowFrequencies ? 2 * imageLength : 0),
    low: next(adversary?.lowFrequencies ? 2 * imageLength : 0),
    weights: next(keepsWeights ? trainableLength : 0),
    scratch: new Map(regularisers.map((name) => [name, next(SCRATCH[name])])),
    count,
    length,
  };
}
