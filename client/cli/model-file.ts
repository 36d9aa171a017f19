import { createHash } from "node:crypto";
import { createReadStream, openAsBlob } from "node:fs";
import { open, readFile } from "node:fs/promises";
import { ProtocolError } from "../../protocol/errors.ts";
import { importModel, openModel, type ImportedModel } from "../../protocol/formats/import-model.ts";
import type { ModelUpload } from "../admin/admin-client.ts";
import { CommandError } from "./command-error.ts";

/**
 * Opens a model file for upload, after a look at its header and architecture: most wrong files are named before
 * anything travels. The coordinator judges all of it again.
 *
 * @throws CommandError when there is no such file or it is not a model that Scour reads.
 */
export async function openModelUpload(path: string): Promise<ModelUpload> {
  const hash = createHash("sha256");
  try {
    await checkHeader(path);
    for await (const chunk of createReadStream(path)) hash.update(chunk as Buffer);
    return { body: await openAsBlob(path), digest: hash.digest("hex") };
  } catch (error) {
    throw modelFileError(path, error);
  }
}

/**
 * Reads a whole model file.
 *
 * @throws CommandError saying what is wrong with it.
 */
export async function readModel(path: string): Promise<ImportedModel> {
  try {
    return await importModel(await readFile(path));
  } catch (error) {
    throw modelFileError(path, error);
  }
}

async function checkHeader(path: string): Promise<void> {
  const file = await open(path);
  try {
    const { size } = await file.stat();
    await openModel({
      totalBytes: size,
      read: async (begin, end) => {
        const wanted = new Uint8Array(end - begin);
        const { bytesRead } = await file.read(wanted, 0, wanted.length, begin);
        return wanted.subarray(0, bytesRead);
      },
    });
  } finally {
    await file.close();
  }
}

function modelFileError(path: string, error: unknown): unknown {
  if (error instanceof ProtocolError) {
    return new CommandError(`${path}: ${error.message}`, undefined, { cause: error });
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
