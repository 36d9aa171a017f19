import type { Format, ModelFile } from "../model-file.ts";
import { ZipArchive } from "./zip-archive.ts";

/** Models that are kept in zips of one kind. */
export interface ZipKind {
  /** Whether the archive is of this kind, by the names in it. */
  isOne(archive: ZipArchive): boolean;
  /** @throws ProtocolError `malformed-model`. */
  open(archive: ZipArchive): Promise<ModelFile>;
}

/**
 * Zips, of which the first bytes tell no more than that they are such.
 *
 * @param kinds the first that an archive is of is taken; the last takes all
 */
export function zip(kinds: readonly [...ZipKind[], ZipKind]): Format {
  return {
    name: "a zip archive",
    mismatch: (start) =>
      start[0] === 0x50 && start[1] === 0x4b && start[2] === 3 && start[3] === 4
        ? undefined
        : "it does not begin as a zip's first entry does",
    open: async (source) => {
      const archive = await ZipArchive.open(source);
      const kind = kinds.find((known) => known.isOne(archive)) ?? kinds.at(-1)!;
      return await kind.open(archive);
    },
  };
}
