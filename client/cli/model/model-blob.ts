import { createHash } from "node:crypto";
import { openAsBlob } from "node:fs";
import { stat } from "node:fs/promises";
import { badFolder } from "../../../protocol/formats/bundle/folder.ts";
import { isPart, partsOfModel } from "../../../protocol/formats/bundle/model-part.ts";
import { folderBlob } from "./folder-blob.ts";

/**
 * What lies at a path, as the bytes of one model: read by ranges, never held whole. A folder, or the JSON
 * file by which a model of several files is opened, gives their bundle (SPEC W6).
 *
 * @throws ProtocolError `malformed-model` for a folder without a model; what the file system says of what
 *   cannot be read.
 */
export async function modelBlob(path: string): Promise<Blob> {
  requireWhole(path);
  const isFolder = (await stat(path)).isDirectory() || path.toLowerCase().endsWith(".json");
  return isFolder ? await folderBlob(path) : await openAsBlob(path);
}

function requireWhole(path: string): void {
  if (!isPart(path)) return;
  throw badFolder(
    `this is one of ${partsOfModel(path)} parts of a model: name the folder of them, or the .index.json in it`,
  );
}

/** SHA-256 of a blob in lower-case hexadecimal. */
export async function blobDigest(blob: Blob, signal?: AbortSignal): Promise<string> {
  const hash = createHash("sha256");
  for await (const chunk of blob.stream()) {
    signal?.throwIfAborted();
    hash.update(chunk);
  }
  return hash.digest("hex");
}
