import { bytesInMemory } from "../../../../../protocol/formats/byte-source.ts";
import type { Folder } from "../../../../../protocol/formats/bundle/folder.ts";
import {
  bundlePieces,
  filesToBundle,
} from "../../../../../protocol/formats/bundle/write-bundle.ts";
import { FOLDERS } from "../../../../../protocol/formats/formats.ts";
import {
  importModel,
  restoreModel,
  type ImportedModel,
} from "../../../../../protocol/formats/import-model.ts";

/** Files by their path. */
export type Files = Readonly<Record<string, Uint8Array | object>>;

/** Bytes, or JSON of what is none. */
export function bytesOf(content: Uint8Array | object): Uint8Array {
  return content instanceof Uint8Array
    ? content
    : new TextEncoder().encode(JSON.stringify(content));
}

export function folderOf(files: Files): Folder {
  return {
    names: Object.keys(files).filter((name) => !name.includes("/")),
    open: (path) => {
      const content = files[path];
      return content && bytesInMemory(bytesOf(content));
    },
  };
}

async function joined(pieces: AsyncIterable<Uint8Array>): Promise<Uint8Array<ArrayBuffer>> {
  const all: Uint8Array[] = [];
  for await (const piece of pieces) all.push(piece);
  return new Uint8Array(Buffer.concat(all));
}

/** The bundle of a folder's model. */
export async function bundleOf(files: Files, chosen?: string): Promise<Uint8Array> {
  const pieces = await bundlePieces(await filesToBundle(folderOf(files), FOLDERS, chosen));
  const bytes = pieces.map((piece) =>
    piece instanceof Uint8Array ? piece : piece.source.read(0, piece.source.totalBytes),
  );
  return new Uint8Array(Buffer.concat(await Promise.all(bytes)));
}

/** The model of a folder. */
export async function modelOf(files: Files): Promise<ImportedModel> {
  return await importModel(await bundleOf(files));
}

/** The model's file with these values. */
export async function restoredWith(model: ImportedModel, state: Float32Array): Promise<Uint8Array> {
  return await joined(
    restoreModel(model, (offset, length) => state.subarray(offset, offset + length)),
  );
}
