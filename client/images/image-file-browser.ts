import { ImageError } from "./image-error.ts";
import type { ImageFile } from "./image-file.ts";

const FOLDER = "scour-images";

/** Files of a tab that is gone are older than this; of one that is just opening its own, younger. */
const STALE_MS = 60_000;

/** What a file handle has in workers, and the types of pages do not know. */
interface SyncFileHandle extends FileSystemFileHandle {
  createSyncAccessHandle(): Promise<{
    read(into: Uint8Array, options: { readonly at: number }): number;
    write(bytes: Uint8Array, options: { readonly at: number }): number;
    close(): void;
  }>;
}

/** Left free of what the browser grants, for the rest of the page. */
const SPARE_BYTES = 2 ** 26;

/** The browser is asked whether so much more has room: it takes its time to answer. */
const ASKED_AT_ONCE = 2 ** 26;

/**
 * A file in the origin's private file system, to be opened in a worker. It goes when it is closed; one
 * whose tab was closed or crashed goes when the next is opened.
 *
 * @throws ImageError `too-many-images` where the browser has no such file system.
 */
export async function openImageFile(): Promise<ImageFile> {
  const folder = await navigator.storage
    .getDirectory()
    .then((root) => root.getDirectoryHandle(FOLDER, { create: true }))
    .catch((cause: unknown) => {
      throw new ImageError(
        "too-many-images",
        "so many images do not fit into memory, and this browser gives pages no files of their own (a private window, perhaps): choose fewer, or use another window or browser",
        { cause },
      );
    });
  await removeStale(folder);
  const name = `${Date.now()}-${crypto.randomUUID()}`;
  const handle = await folder.getFileHandle(name, { create: true });
  const file = await (handle as SyncFileHandle).createSyncAccessHandle().catch(async (cause) => {
    await folder.removeEntry(name).catch(() => undefined);
    throw noRoom(undefined, cause);
  });
  let length = 0;
  let asked = 0;
  return {
    async append(bytes) {
      if (length + bytes.length > asked) {
        const more = Math.max(bytes.length, ASKED_AT_ONCE);
        await requireRoom(more);
        asked = length + more;
      }
      let written: number;
      try {
        written = file.write(bytes, { at: length });
      } catch (cause) {
        throw noRoom(undefined, cause);
      }
      if (written < bytes.length) throw noRoom(undefined);
      length += bytes.length;
    },
    // oxlint-disable-next-line typescript/require-await -- in Node it has to be waited for
    async read(offset, into) {
      const got = file.read(into, { at: offset });
      if (got < into.length)
        throw new Error(`the file of images ends before byte ${offset + into.length}`);
    },
    async close() {
      file.close();
      await folder.removeEntry(name);
    },
  };
}

/** Removes what tabs have left that are gone; a file that is open cannot be removed, and stays. */
async function removeStale(folder: FileSystemDirectoryHandle): Promise<void> {
  for await (const { name } of folder.values()) {
    const madeAt = Number.parseInt(name, 10);
    if (Date.now() - madeAt > STALE_MS) await folder.removeEntry(name).catch(() => undefined);
  }
}

async function requireRoom(bytes: number): Promise<void> {
  const { quota = Infinity, usage = 0 } = await navigator.storage.estimate();
  if (usage + bytes + SPARE_BYTES > quota) throw noRoom(quota - usage);
}

function noRoom(left: number | undefined, cause?: unknown): ImageError {
  const given =
    left === undefined ? "" : ` (${Math.max(0, Math.floor(left / 2 ** 20))} MiB are left)`;
  return new ImageError(
    "too-many-images",
    `images do not fit into what this browser lets pages keep on disk${given}: choose fewer, or free some of the disk`,
    { cause },
  );
}
