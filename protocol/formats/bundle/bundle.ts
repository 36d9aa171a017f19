import type { ByteSource } from "../byte-source.ts";
import type { ModelFile, RestoredFile } from "../model-file.ts";
import { changedSets } from "../networks/changed-sets.ts";
import { rewriteZip, type EntryContent } from "../zip/rewrite-zip.ts";
import type { ZipEntry } from "../zip/directory.ts";
import type { ZipArchive } from "../zip/zip-archive.ts";
import { findModel, type FoundModel } from "./find-model.ts";
import type { FolderFormat, FolderModel } from "./folder-format.ts";
import { otherModels } from "./other-models.ts";
import { badFolder, MOST_FILES, openNamed, staysInside, type Folder } from "./folder.ts";
import { withHuggingFace } from "./hugging-face.ts";
import { bundlePieces, checksumOf, piecesOf, type BundleFile } from "./write-bundle.ts";

/**
 * A *bundle*: the files of one model in a zip, stored as they are, so that what is one file to whoever
 * keeps it is read by ranges. Scour writes them (`write-bundle.ts`); one of any other tool is taken alike.
 *
 * @param formats of models in several files
 * @throws ProtocolError `malformed-model`.
 */
export async function openBundle(
  archive: ZipArchive,
  formats: readonly FolderFormat[],
): Promise<ModelFile> {
  const entries = filesOf(archive);
  const folder = folderOf(archive, entries);
  const found = findModel(formats, folder.names);
  const { format, main } = found;
  const others = await otherModels(folder, [...entries.keys()], found);
  const inside = await withHuggingFace(folder, await format.open(folder, main));
  const bundled = ({ restore, sets, ...model }: FolderModel): ModelFile => ({
    ...model,
    ...(sets && { sets: changedSets(sets, bundled) }),
    findings: [...model.findings, ...others],
    widened: async () => {
      const wide = await format.widened?.(folder, main);
      return wide && (await writtenAnew(wide, [...entries.keys()], found));
    },
    extension: "zip",
    totalBytes: archive.source.totalBytes,
    restore: async function* (values) {
      const contents = new Map<ZipEntry, EntryContent>();
      for (const [path, content] of await restore(values)) {
        contents.set(entries.get(path)!, content);
      }
      yield* rewriteZip(archive, contents);
    },
  });
  return bundled(inside);
}

/** The model of a folder as a bundle that is written when it is restored (SPEC W6.1). */
async function writtenAnew(
  folder: Folder,
  names: readonly string[],
  { format, main }: FoundModel,
): Promise<RestoredFile> {
  const { restore } = await format.open(folder, main);
  const files: BundleFile[] = [];
  for (const name of names.toSorted()) {
    files.push({ name, source: await openNamed(folder, name, main) });
  }
  const told = await bundlePieces(files, () => 0);
  return {
    extension: "zip",
    totalBytes: told.reduce(
      (sum, piece) => sum + (piece instanceof Uint8Array ? piece.length : piece.source.totalBytes),
      0,
    ),
    restore: async function* (values) {
      const contents = await restore(values);
      const contentOf = ({ name, source }: BundleFile): AsyncIterable<Uint8Array> =>
        contents.get(name)?.() ?? piecesOf(source);
      const pieces = await bundlePieces(files, (file) => checksumOf(contentOf(file)));
      for (const piece of pieces) {
        if (piece instanceof Uint8Array) yield piece;
        else yield* contentOf(piece);
      }
    },
  };
}

/** What macOS adds to every zip. */
const MAC_EXTRAS = /^__MACOSX\/|(^|\/)\.DS_Store$/;

/** Files by their path in the folder that all of them lie in. */
function filesOf({ entries }: ZipArchive): Map<string, ZipEntry> {
  const files = entries.filter(({ name }) => !name.endsWith("/") && !MAC_EXTRAS.test(name));
  if (files.length > MOST_FILES) {
    throw badFolder(
      `the zip archive holds ${files.length} files, a model has at most ${MOST_FILES}`,
    );
  }
  for (const { name } of files) {
    if (staysInside(name)) continue;
    throw badFolder(
      `the zip archive has an entry '${name}', which lies outside of it: nothing is read`,
    );
  }
  const first = files[0]?.name ?? "";
  const root = first.slice(0, first.indexOf("/") + 1);
  const shared = files.every(({ name }) => name.startsWith(root)) ? root : "";
  return new Map(files.map((entry) => [entry.name.slice(shared.length), entry]));
}

function folderOf(archive: ZipArchive, entries: ReadonlyMap<string, ZipEntry>): Folder {
  return {
    names: [...entries.keys()].filter((name) => !name.includes("/")),
    open: async (path) => {
      const entry = entries.get(path);
      return entry === undefined ? undefined : await sourceOf(archive, entry);
    },
  };
}

async function sourceOf(archive: ZipArchive, entry: ZipEntry): Promise<ByteSource> {
  const [place] = await archive.locate([entry]);
  const { begin, end } = place!;
  return {
    totalBytes: end - begin,
    read: (from, to) => archive.source.read(begin + from, begin + to),
    release: (bytes) => archive.source.release?.(bytes),
  };
}

/** The files of a bundle, by their paths. */
export async function bundleFiles(archive: ZipArchive): Promise<ReadonlyMap<string, ByteSource>> {
  const files = new Map<string, ByteSource>();
  for (const [path, entry] of filesOf(archive)) files.set(path, await sourceOf(archive, entry));
  return files;
}
