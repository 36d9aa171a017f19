import type { RecognisedModel } from "../model/recognise.ts";
import type { ModelFile } from "./model-file.ts";

/** A model file of which all is known but its values. */
export interface OpenModel extends RecognisedModel {
  readonly file: ModelFile;
}
