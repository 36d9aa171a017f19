import { createWriteStream, openAsBlob } from "node:fs";
import { mkdir, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { pipeline } from "node:stream/promises";
import { bundleFiles } from "../../../protocol/formats/bundle/bundle.ts";
import { FORMATS } from "../../../protocol/formats/formats.ts";
import { recogniseFormat } from "../../../protocol/formats/recognise-format.ts";
import { ZipArchive } from "../../../protocol/formats/zip/zip-archive.ts";
import { CommandError } from "../command-error.ts";
import { blobSource } from "./folder-blob.ts";

/** Bytes copied in one step. */
const PIECE_BYTES = 2 ** 20;

/**
 * Gives a model of several files back as the folder that it was, in the place of its bundle.
 *
 * @param bundle the file; it is removed
 * @param folder to be made
 * @throws CommandError when something is there already.
 */
export async function unpackBundle(bundle: string, folder: string): Promise<void> {
  const archive = await ZipArchive.open(blobSource(await openAsBlob(bundle)));
  const partial = `${folder}.partial-folder`;
  await rm(partial, { recursive: true, force: true });
  try {
    for (const [path, { read, totalBytes }] of await bundleFiles(archive)) {
      const place = join(partial, ...path.split("/"));
      await mkdir(dirname(place), { recursive: true });
      await pipeline(async function* () {
        for (let from = 0; from < totalBytes; from += PIECE_BYTES) {
          yield await read(from, Math.min(totalBytes, from + PIECE_BYTES));
        }
      }, createWriteStream(place));
    }
    await rename(partial, folder).catch((cause: unknown) => {
      throw new CommandError(
        `${folder} is there already`,
        "Name a folder that is not there, or a .zip file, with --out.",
        { cause },
      );
    });
  } finally {
    await rm(partial, { recursive: true, force: true });
  }
  await rm(bundle);
}

/** Whether a file is a model of several files in a bundle. */
export async function isBundle(path: string): Promise<boolean> {
  // Whichever of several networks in it was meant: it is the file alone that is looked at.
  const { extension } = await recogniseFormat(FORMATS, blobSource(await openAsBlob(path)));
  return extension === "zip";
}
