import type { Graph } from "../../protocol/model/graph.ts";
import type { StateLayout } from "../../protocol/model/state-layout.ts";
import type { Normalisation } from "../distil/normalise.ts";
import type { ImageSet } from "../images/image-set.ts";

/**
 * A second opinion on a model file: computes what the file says by code that is not Scour's, so that a
 * fault of the engine cannot pass for a property of the model.
 */
export interface Judge {
  /** For people: `TensorFlow.js 4.22.0 (wasm)`. */
  readonly name: string;
  read(model: FileContents): JudgedModel;
}

/** What a model file says, as far as evaluation needs it. */
interface FileContents {
  readonly graph: Graph;
  readonly layout: StateLayout;
  readonly state: Float32Array;
}

/** A model in evaluation mode. */
export interface JudgedModel {
  /** Logits `[indices.length, classes]` of chosen images, normalised by the judge itself. */
  logits(
    images: ImageSet,
    indices: readonly number[],
    normalisation: Normalisation,
  ): Promise<Float32Array>;
  close(): void;
}
