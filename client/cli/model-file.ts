import { createHash } from "node:crypto";
import { createReadStream, openAsBlob } from "node:fs";
import { open, readFile } from "node:fs/promises";
import { ProtocolError } from "../../protocol/errors.ts";
import { importModel, openModel, type ImportedModel } from "../../protocol/formats/import-model.ts";
import {
  NETWORK_FLAGS,
  networkText,
  type NetworkQuestion,
  type NetworkSettings,
} from "../../protocol/model/network-settings.ts";
import type { RecognisedModel } from "../../protocol/model/recognise.ts";
import type { ModelUpload } from "../admin/admin-client.ts";
import { CommandError } from "./command-error.ts";

/** A model file to be uploaded, and what was read of it. */
export interface OpenedUpload extends ModelUpload {
  readonly model: RecognisedModel;
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
  const hash = createHash("sha256");
  try {
    const model = await checkHeader(path, network);
    for await (const chunk of createReadStream(path)) hash.update(chunk as Buffer);
    return { body: await openAsBlob(path), digest: hash.digest("hex"), model };
  } catch (error) {
    throw modelFileError(path, error);
  }
}

/**
 * Reads a whole model file.
 *
 * @param network answers to what its tensors do not tell
 * @throws CommandError saying what is wrong with it.
 */
export async function readModel(
  path: string,
  network: NetworkSettings = {},
): Promise<ImportedModel> {
  try {
    return await importModel(await readFile(path), network);
  } catch (error) {
    throw modelFileError(path, error);
  }
}

async function checkHeader(path: string, network: NetworkSettings): Promise<RecognisedModel> {
  const file = await open(path);
  try {
    const { size } = await file.stat();
    const source = {
      totalBytes: size,
      read: async (begin: number, end: number) => {
        const wanted = new Uint8Array(end - begin);
        const { bytesRead } = await file.read(wanted, 0, wanted.length, begin);
        return wanted.subarray(0, bytesRead);
      },
    };
    return await openModel(source, network);
  } finally {
    await file.close();
  }
}

/** What was taken as usual of a network, and how to say otherwise; undefined where nothing was. */
export function assumptionsText({ assumed, graph, network }: RecognisedModel): string | undefined {
  if (assumed.length === 0) return undefined;
  const answers = assumed.map((key) => networkText({ [key]: network[key] }));
  return `${graph.architecture}: tensors do not tell all of it; taken as usual: ${answers.join(", ")}. Say so where the model was trained otherwise.`;
}

function modelFileError(path: string, error: unknown): unknown {
  if (error instanceof ProtocolError) {
    // Here people know settings by their flags.
    const message = error.message.replace(
      /(the setting )?\bnetwork\.(\w+)/g,
      (_, _setting, key: string) => NETWORK_FLAGS[key as NetworkQuestion],
    );
    return new CommandError(`${path}: ${message}`, undefined, { cause: error });
  }
  if (error instanceof Error && "syscall" in error) {
    return new CommandError(
      `the model file cannot be read: ${error.message}`,
      "Name a safetensors file with --model.",
      { cause: error },
    );
  }
  return error;
}
