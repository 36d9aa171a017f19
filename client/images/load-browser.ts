import { collectImages, type ImageImportOptions, type ImageSource } from "./collect-images.ts";
import { decodeImage } from "./decode-browser.ts";
import { isHidden } from "./hidden-names.ts";
import { openImageFile } from "./image-file-browser.ts";
import { SpillingKeeper } from "./image-keeper.ts";
import type { Imported } from "./image-set-builder.ts";
import type { ImageSet } from "./image-set.ts";
import type { Preparation } from "./prepare-image.ts";

/** A file with its path below what was picked. Paths travel apart: a clone of a `File` forgets its own. */
export interface PickedFile {
  readonly path: string;
  readonly file: File;
}

/**
 * Loads picked or dropped files as images for the model, in order of their paths. They are
 * read in this tab only; many are kept in its private file system until the set is closed.
 *
 * @throws ImageError `no-images` when nothing is usable, `unreadable-image-set` when the one file
 *   picked is damaged, `too-many-images` when they find no room.
 *
 * @example
 * const images = await loadFiles(pickedFiles(input.files), preparationFor(offer.inputShape, offer.preparation));
 */
export async function loadFiles(
  picked: readonly PickedFile[],
  preparation: Preparation,
  options: ImageImportOptions = {},
): Promise<Imported<ImageSet>> {
  const visible = picked
    .filter(({ path }) => !isHidden(path))
    .sort((a, b) => (a.path < b.path ? -1 : Number(a.path > b.path)));
  const [first] = visible;
  const single = visible.length === 1 && first !== undefined && first.path === first.file.name;
  return collectImages(visible.map(fileSource), {
    ...options,
    place: single ? first.path : "what you picked",
    preparation,
    keeper: new SpillingKeeper(preparation, openImageFile),
    decode: decodeImage,
    single,
  });
}

/** Files of a file or folder input, or of a drop. */
export function pickedFiles(files: Iterable<File>): PickedFile[] {
  return Array.from(files, (file) => ({ path: file.webkitRelativePath || file.name, file }));
}

/** Files below a picked folder. */
export async function filesOfDirectory(
  directory: FileSystemDirectoryHandle,
  prefix = `${directory.name}/`,
): Promise<PickedFile[]> {
  const files: PickedFile[] = [];
  for await (const entry of directory.values()) {
    if (isHidden(entry.name)) continue;
    const path = prefix + entry.name;
    if (entry.kind === "directory") files.push(...(await filesOfDirectory(entry, `${path}/`)));
    else files.push({ path, file: await entry.getFile() });
  }
  return files;
}

function fileSource({ path, file }: PickedFile): ImageSource {
  return {
    name: path,
    size: file.size,
    read: async (offset, length) =>
      new Uint8Array(await file.slice(offset, offset + length).arrayBuffer()),
  };
}
