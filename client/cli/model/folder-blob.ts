import { openAsBlob } from "node:fs";
import { lstat, readdir } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import type { ByteSource } from "../../../protocol/formats/byte-source.ts";
import { badFolder, type Folder } from "../../../protocol/formats/bundle/folder.ts";
import { bundlePieces, filesToBundle } from "../../../protocol/formats/bundle/write-bundle.ts";
import { FOLDERS } from "../../../protocol/formats/formats.ts";

/**
 * The files of a folder's model as one bundle (SPEC W6), read from where they lie; a model of one file is that
 * file.
 *
 * @param path the folder, or the file in it by which the model is opened (`model.json`)
 * @throws ProtocolError `malformed-model` when there is no model, or files of it are missing or links; what
 *   the file system says of what cannot be read.
 */
export async function folderBlob(path: string): Promise<Blob> {
  const isFile = (await lstat(path)).isFile();
  const folder = isFile ? dirname(path) : path;
  const opened = new Map<ByteSource, Blob>();
  const files = await filesToBundle(
    await folderOnDisk(folder, opened),
    FOLDERS,
    isFile ? basename(path) : undefined,
  );
  const [only, another] = files;
  if (only !== undefined && another === undefined) return opened.get(only.source)!;
  const pieces = await bundlePieces(files);
  return new Blob(
    pieces.map((piece) =>
      piece instanceof Uint8Array ? piece.slice() : opened.get(piece.source)!,
    ),
  );
}

/** @param opened what was opened of it, to be read otherwise */
async function folderOnDisk(folder: string, opened: Map<ByteSource, Blob>): Promise<Folder> {
  const entries = await readdir(folder, { withFileTypes: true });
  return {
    // Links are among them: one that the model needs is told of when it is opened.
    names: entries.filter((entry) => !entry.isDirectory()).map(({ name }) => name),
    open: async (path) => {
      const found = await findFile(folder, path);
      if (found === undefined) return undefined;
      const blob = await openAsBlob(found);
      const source = blobSource(blob);
      opened.set(source, blob);
      return source;
    },
  };
}

/** A file within the folder; a link on the way may lead anywhere, and is not followed. */
async function findFile(folder: string, path: string): Promise<string | undefined> {
  let place = folder;
  const parts = path.split("/");
  for (const [i, part] of parts.entries()) {
    place = join(place, part);
    const found = await lstat(place).catch((error: NodeJS.ErrnoException) => {
      if (error.code === "ENOENT" || error.code === "ENOTDIR") return undefined;
      throw error;
    });
    if (found === undefined) return undefined;
    if (found.isSymbolicLink()) {
      throw badFolder(
        `'${parts.slice(0, i + 1).join("/")}' is a link to another place, which is not followed: copy the folder with what its links lead to (cp -rL)`,
      );
    }
    const isRight = i === parts.length - 1 ? found.isFile() : found.isDirectory();
    if (!isRight) return undefined;
  }
  return place;
}

/** What can be read of a blob by ranges. */
export function blobSource(blob: Blob): ByteSource {
  return {
    totalBytes: blob.size,
    read: async (begin, end) => new Uint8Array(await blob.slice(begin, end).arrayBuffer()),
  };
}
