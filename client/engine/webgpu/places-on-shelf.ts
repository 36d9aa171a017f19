import type { Graph } from "../../../protocol/model/graph.ts";
import type { StateLayout } from "../../../protocol/model/state-layout.ts";
import { imageLengthOf } from "../warp-field.ts";
import { aligned, type BatchPass, type BatchRequest, type Shelf } from "./batch-passes.ts";
import type { BatchPlace } from "./lower.ts";

/** Where the universal perturbation is, and a field that warps behind it: after the velocity, floats. */
export function perturbationAt({ trainableLength }: StateLayout): number {
  return aligned(trainableLength);
}

/** Finds what micro-batches have on the shelf. */
export class PlacesOnShelf {
  /** H·W·C */
  readonly imageLength: number;
  readonly #classes: number;
  readonly #universal: number;
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
    this.#request = request;
    this.#shelf = shelf;
    this.#shelfAt = shelfAt;
  }

  /** @param targets where those of the batch begin, in words of the input. */
  of({ copies, fresh }: BatchPass, firstImage: number, targets: number): BatchPlace {
    const { answers, perturbations, ascent, warpSums, warpGradient } = this.#shelf;
    const firstAnswer = firstImage * this.#classes;
    const perImage = copies?.perImage === true;
    const firstCopy = perImage ? (firstImage / this.#request.groupSize) * copies.perGroup : 0;
    const own = firstCopy * this.imageLength;
    return {
      targets: targets + firstAnswer,
      answers: this.#shelfAt + answers + firstAnswer,
      first: firstImage === 0,
      fresh,
      perturbation: perImage
        ? { memory: "arena", offset: this.#shelfAt + perturbations + own }
        : { memory: "velocity", offset: this.#universal },
      ascent: this.#shelfAt + ascent + own,
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
