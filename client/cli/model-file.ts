import { ProtocolError } from "../../protocol/errors.ts";
import { openModel, readState, type ImportedModel } from "../../protocol/formats/import-model.ts";
import type { OpenModel } from "../../protocol/formats/open-model.ts";
import {
  NETWORK_FLAGS,
  networkText,
  type NetworkSettings,
} from "../../protocol/model/network-settings.ts";
import type { RecognisedModel } from "../../protocol/model/recognise.ts";
import type { ModelUpload } from "../admin/upload-model.ts";
import { CommandError } from "./command-error.ts";
import { blobSource } from "./model/folder-blob.ts";
import { blobDigest, modelBlob } from "./model/model-blob.ts";

/** A model file to be uploaded, and what was read of it. */
export interface OpenedUpload extends ModelUpload {
  readonly model: OpenModel;
}

/**
 * Opens a model file for upload, after a look at its header and architecture: most wrong files are named before
 * anything travels. The coordinator judges all of it again.
 *
 * @param network answers to what its tensors do not tell
 * @throws CommandError when there is no such file or it is not a model that Scour reads.
 */
export async function openModelUpload(
  path: string,
  network: NetworkSettings = {},
): Promise<OpenedUpload> {
  try {
    const body = await modelBlob(path);
    const model = await openModel(blobSource(body), network);
    return { body, digest: await blobDigest(body), model };
  } catch (error) {
    throw modelFileError(path, error);
  }
}

/**
 * Reads a whole model file, by ranges: what is held of it is the state vector.
 *
 * @param network answers to what its tensors do not tell
 * @throws CommandError saying what is wrong with it.
 */
export async function readModel(
  path: string,
  network: NetworkSettings = {},
): Promise<ImportedModel> {
  try {
    const model = await openModel(blobSource(await modelBlob(path)), network);
    return { ...model, state: await readState(model, 0, model.layout.length) };
  } catch (error) {
    throw modelFileError(path, error);
  }
}

/** What was taken as usual of a network, and how to say otherwise; undefined where nothing was. */
export function assumptionsText({ assumed, graph, network }: RecognisedModel): string | undefined {
  if (assumed.length === 0) return undefined;
  const answers = assumed.map((key) => networkText({ [key]: network[key] }));
  return `${graph.architecture}: tensors do not tell all of it; taken as usual: ${answers.join(", ")}. Say so where the model was trained otherwise.`;
}

/** Settings of a network, and names in quotes, which may look like them. */
const SETTING = new RegExp(
  `(?<!\\w)'[^']*'(?!\\w)|(?:the setting )?\\bnetwork\\.(${Object.keys(NETWORK_FLAGS).join("|")})\\b(?!\\.\\w)`,
  "g",
);

/** A text with flags for settings: by these people know them here. */
function withFlags(text: string): string {
  return text.replace(SETTING, (found, key: keyof NetworkSettings | undefined) =>
    key === undefined ? found : NETWORK_FLAGS[key],
  );
}

/** An error of a model file in the words of the command line: its name first, flags for settings. */
export function modelFileError(path: string, error: unknown): unknown {
  if (error instanceof ProtocolError) {
    return new CommandError(`${path}: ${withFlags(error.message)}`, undefined, { cause: error });
  }
  // The platform's word for a file that was changed since it was opened.
  if (error instanceof DOMException && error.name === "NotReadableError") {
    return new CommandError(
      `${path} was changed while it was read`,
      "Start again once it is written.",
      { cause: error },
    );
  }
  if (error instanceof Error && "syscall" in error) {
    return new CommandError(
      `the model file cannot be read: ${error.message}`,
      "Name a model file with --model.",
      { cause: error },
    );
  }
  return error;
}
