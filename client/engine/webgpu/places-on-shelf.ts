import type { Graph, ImageShape } from "../../../protocol/model/graph.ts";
import type { StateLayout } from "../../../protocol/model/state-layout.ts";
import { fieldLength, imageLengthOf, MOST_NODES } from "../host/warp-field.ts";
import { OPTIMIZER_VECTORS, type Optimizer } from "../optimizer.ts";
import type { RegulariserName } from "../regularisers.ts";
import type { StepPass } from "../step/passes.ts";
import type { StepRequest } from "../step/request.ts";
import type { BatchPlace } from "./lower.ts";
import { aligned, type Shelf } from "./shelf.ts";

/** Where the second vector that an optimiser keeps begins, behind the first: floats. */
export function secondVectorAt({ trainableLength }: StateLayout): number {
  return aligned(trainableLength);
}

/**
 * Where the universal perturbation is, and a field that warps behind it: after what the optimiser
 * keeps, floats.
 */
export function perturbationAt(layout: StateLayout, optimizer: Optimizer): number {
  return OPTIMIZER_VECTORS[optimizer] * secondVectorAt(layout);
}

/** Where the pattern of a step's copies is: after the longest perturbation there may be, floats. */
export function patternAt(layout: StateLayout, optimizer: Optimizer, image: ImageShape): number {
  return perturbationAt(layout, optimizer) + imageLengthOf(image) + fieldLength(MOST_NODES);
}

/** Finds what micro-batches have on the shelf. */
export class PlacesOnShelf {
  /** H·W·C */
  readonly imageLength: number;
  readonly #classes: number;
  readonly #universal: number;
  readonly #pattern: number;
  readonly #request: StepRequest;
  readonly #shelf: Shelf;
  readonly #shelfAt: number;

  /** @param shelfAt where the shelf begins, in floats of the arena. */
  constructor(
    { inputShape, classes }: Graph,
    layout: StateLayout,
    optimizer: Optimizer,
    request: StepRequest,
    shelf: Shelf,
    shelfAt: number,
  ) {
    this.imageLength = imageLengthOf(inputShape);
    this.#classes = classes;
    this.#universal = perturbationAt(layout, optimizer);
    this.#pattern = patternAt(layout, optimizer, inputShape);
    this.#request = request;
    this.#shelf = shelf;
    this.#shelfAt = shelfAt;
  }

  /** Perturbations that there are. */
  get perturbations(): number {
    return this.#shelf.count;
  }

  /** Where θ is kept, in floats of the arena. */
  get kept(): number {
    return this.#shelfAt + this.#shelf.weights;
  }

  /** Where the scratch of a regulariser that the request has begins, in floats of the arena. */
  scratchOf(name: RegulariserName): number {
    return this.#shelfAt + this.#shelf.scratch.get(name)!;
  }

  /** @param targets where those of the batch begin, in words of the input. */
  of({ copies, fresh }: StepPass, firstImage: number, targets: number): BatchPlace {
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
