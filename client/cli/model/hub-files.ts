import { openAsBlob } from "node:fs";
import { posix } from "node:path";
import type { ByteSource } from "../../../protocol/formats/byte-source.ts";
import { openNamed, type Folder } from "../../../protocol/formats/bundle/folder.ts";
import { CONFIG, PREPROCESSOR } from "../../../protocol/formats/bundle/hugging-face.ts";
import { FOLDERS } from "../../../protocol/formats/formats.ts";
import { modelFileError } from "../model-file.ts";
import { blobSource } from "./folder-blob.ts";
import type { PinnedModel } from "./hub-model.ts";

/**
 * Brings one file of a repository onto this machine, where it is not there yet.
 *
 * @param file its path in the repository
 * @param place where it belongs, from the model's main file
 * @returns its path on this machine
 */
type FetchFile = (file: string, place: string) => Promise<string>;

/** What tells of a model beside its weights, or above their folder. */
const COMPANIONS: readonly string[] = [CONFIG, PREPROCESSOR];

/**
 * Fetches a model's files, and none that is not its own: the one by which it is opened, those that it names
 * (shards, external data), and what tells of it.
 *
 * @param source what the model is called, for messages
 * @returns their paths on this machine
 * @throws CommandError where the model's files name what is not there, or cannot be read.
 */
export async function fetchFiles(
  { files, main }: PinnedModel,
  source: string,
  fetchFile: FetchFile,
): Promise<string[]> {
  const home = posix.dirname(main);
  const name = posix.basename(main);
  const fetched = new Map<string, string>();
  const fetchOnce = async (file: string, place: string): Promise<string> => {
    const path = fetched.get(place) ?? (await fetchFile(file, place));
    fetched.set(place, path);
    return path;
  };
  const folder: Folder = {
    names: files.filter((file) => posix.dirname(file) === home).map((file) => posix.basename(file)),
    open: async (place): Promise<ByteSource | undefined> => {
      const file = posix.join(home, place);
      if (!files.includes(file)) return undefined;
      return blobSource(await openAsBlob(await fetchOnce(file, place)));
    },
  };
  try {
    for (const member of await membersOf(folder, name)) await openNamed(folder, member, name);
  } catch (error) {
    throw modelFileError(source, error);
  }
  for (const companion of COMPANIONS) {
    const nearest = [posix.join(home, companion), companion].find((file) => files.includes(file));
    if (nearest !== undefined) await fetchOnce(nearest, companion);
  }
  return [...fetched.values()];
}

/** The files that a model is made of, by what its main one says. */
async function membersOf(folder: Folder, main: string): Promise<readonly string[]> {
  const format = FOLDERS.find(({ mains }) => mains([main]).length > 0);
  return format === undefined ? [main] : await format.members(folder, main);
}
