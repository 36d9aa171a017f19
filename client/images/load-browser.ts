import { collectImages, type ImageImportOptions } from "./collect-images.ts";
import { decodeImage } from "./decode-browser.ts";
import { UnreadableError, type ImageSource, type UnreadablePlace } from "./found-image.ts";
import { isHidden } from "./hidden-names.ts";
import { openImageFile } from "./image-file-browser.ts";
import { SpillingKeeper } from "./image-keeper.ts";
import type { Imported } from "./image-set-builder.ts";
import type { ImageSet } from "./image-set.ts";
import type { Preparation } from "./prepare-image.ts";

/** A file with its path below what was picked. Paths travel apart: a clone of a `File` forgets its own. */
export interface PickedFile {
  readonly path: string;
  /** The file, or why it cannot be had. */
  readonly file: File | { readonly problem: string };
}

/**
 * Loads picked or dropped files as images for the model, in order of their paths. They are
 * read in this tab only; many are kept in its private file system until the set is closed.
 *
 * @throws ImageError `no-images` when nothing is usable, `too-many-images` when they find no room.
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
  const isSingle = visible.length === 1 && first !== undefined && !first.path.includes("/");
  return collectImages(visible.map(fileSource), {
    ...options,
    place: isSingle ? first.path : "what you picked",
    preparation,
    keeper: new SpillingKeeper(preparation, openImageFile),
    decode: decodeImage,
  });
}

/** Files of a file or folder input, or of a drop. */
export function pickedFiles(files: Iterable<File>): PickedFile[] {
  return Array.from(files, (file) => ({ path: file.webkitRelativePath || file.name, file }));
}

/** Files below a picked folder, and what of it cannot be read. */
export async function filesOfDirectory(
  directory: FileSystemDirectoryHandle,
  prefix = `${directory.name}/`,
): Promise<PickedFile[]> {
  const files: PickedFile[] = [];
  try {
    for await (const entry of directory.values()) {
      if (isHidden(entry.name)) continue;
      const path = prefix + entry.name;
      if (entry.kind === "directory") files.push(...(await filesOfDirectory(entry, `${path}/`)));
      else files.push({ path, file: await entry.getFile().catch(unreadable) });
    }
  } catch (cause) {
    files.push({ path: prefix, file: unreadable(cause) });
  }
  return files;
}

/** In place of a file that the browser does not give. */
export function unreadable(cause: unknown): { readonly problem: string } {
  const name = cause instanceof DOMException ? cause.name : "";
  switch (name) {
    case "NotAllowedError":
    case "SecurityError":
      return { problem: "may not be read: permission is denied" };
    case "NotFoundError":
      return {
        problem: "is not there any more, or was changed since it was picked: pick it again",
      };
    default:
      return { problem: "cannot be read: permission is denied, or the disk reports an error" };
  }
}

function fileSource({ file, path }: PickedFile): ImageSource | UnreadablePlace {
  if ("problem" in file) return { name: path, problem: file.problem };
  return {
    name: path,
    size: file.size,
    async read(offset, length) {
      try {
        return new Uint8Array(await file.slice(offset, offset + length).arrayBuffer());
      } catch (cause) {
        throw new UnreadableError(unreadable(cause).problem, { cause });
      }
    },
  };
}
