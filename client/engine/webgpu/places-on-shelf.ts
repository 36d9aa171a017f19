import type { Graph, ImageShape } from "../../../protocol/model/graph.ts";
import type { StateLayout } from "../../../protocol/model/state-layout.ts";
import { fieldLength, imageLengthOf, MOST_NODES } from "../host/warp-field.ts";
import { aligned, type BatchPass, type BatchRequest, type Shelf } from "./batch-passes.ts";
import type { BatchPlace } from "./lower.ts";
import type { SharpnessPlace } from "./wgsl/sharpness.ts";

/** Where the universal perturbation is, and a field that warps behind it: after the velocity, floats. */
export function perturbationAt({ trainableLength }: StateLayout): number {
  return aligned(trainableLength);
}

/** Where the pattern of a step's copies is: after the longest perturbation there may be, floats. */
export function patternAt(layout: StateLayout, image: ImageShape): number {
  return perturbationAt(layout) + imageLengthOf(image) + fieldLength(MOST_NODES);
}

/** Finds what micro-batches have on the shelf. */
export class PlacesOnShelf {
  /** H·W·C */
  readonly imageLength: number;
  readonly #classes: number;
  readonly #universal: number;
  readonly #pattern: number;
  readonly #request: BatchRequest;
  readonly #shelf: Shelf;
  readonly #shelfAt: number;

  /** @param shelfAt where the shelf begins, in floats of the arena. */
  constructor(
    { inputShape, classes }: Graph,
    layout: StateLayout,
    request: BatchRequest,
    shelf: Shelf,
    shelfAt: number,
  ) {
    this.imageLength = imageLengthOf(inputShape);
    this.#classes = classes;
    this.#universal = perturbationAt(layout);
    this.#pattern = patternAt(layout, inputShape);
    this.#request = request;
    this.#shelf = shelf;
    this.#shelfAt = shelfAt;
  }

  /** Perturbations that there are. */
  get perturbations(): number {
    return this.#shelf.count;
  }

  /** What a sharpness-aware step keeps. */
  get sharpness(): SharpnessPlace {
    const { weights, sharpness } = this.#shelf;
    return { kept: this.#shelfAt + weights, sums: this.#shelfAt + sharpness };
  }

  /** @param targets where those of the batch begin, in words of the input. */
  of({ copies, fresh }: BatchPass, firstImage: number, targets: number): BatchPlace {
    const { answers, perturbations, ascent, warpSums, warpGradient, across, low } = this.#shelf;
    const firstAnswer = firstImage * this.#classes;
    const perImage = copies?.perImage === true;
    const firstCopy = perImage ? (firstImage / this.#request.groupSize) * copies.perGroup : 0;
    const own = firstCopy * this.imageLength;
    const perturbation = perImage
      ? ({ memory: "arena", offset: this.#shelfAt + perturbations + own } as const)
      : ({ memory: "velocity", offset: this.#universal } as const);
    const byImage = this.#shelfAt + ascent + own;
    return {
      targets: targets + firstAnswer,
      answers: this.#shelfAt + answers + firstAnswer,
      first: firstImage === 0,
      fresh,
      perturbation,
      pattern: copies?.patterned ? { memory: "velocity", offset: this.#pattern } : undefined,
      ascent: byImage,
      low: this.#request.adversary?.lowFrequencies && {
        perturbation,
        ascent: byImage,
        across: this.#shelfAt + across,
        low: this.#shelfAt + low,
      },
      warp:
        copies?.warpGrid === undefined
          ? undefined
          : {
              field: { memory: "velocity", offset: this.#universal + this.imageLength },
              sums: this.#shelfAt + warpSums,
              gradient: this.#shelfAt + warpGradient,
            },
    };
  }
}
