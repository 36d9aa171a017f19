import { mkdtemp, open, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ImageError } from "./image-error.ts";
import type { ImageFile } from "./image-file.ts";

/**
 * A file in the folder for temporary ones (`TMPDIR`) that has lost its name before anything is in it:
 * however the process ends, nothing of it stays.
 *
 * @throws ImageError `too-many-images` when no file can be made.
 */
export async function openImageFile(): Promise<ImageFile> {
  const folder = await mkdtemp(join(tmpdir(), "scour-images-")).catch((cause: unknown) => {
    throw noRoom(cause);
  });
  const forget = (): Promise<void> => rm(folder, { recursive: true, force: true });
  const file = await open(join(folder, "pixels"), "wx+", 0o600).catch(async (cause: unknown) => {
    await forget().catch(() => undefined);
    throw noRoom(cause);
  });
  // Where an open file keeps its name, it goes at the end.
  await forget().catch(() => undefined);
  let length = 0;
  return {
    async append(bytes) {
      let written = 0;
      while (written < bytes.length) {
        try {
          const { bytesWritten } = await file.write(bytes, written, null, length + written);
          written += bytesWritten;
        } catch (cause) {
          throw noRoom(cause);
        }
      }
      length += bytes.length;
    },
    async read(offset, into) {
      let got = 0;
      while (got < into.length) {
        const { bytesRead } = await file.read(into, got, into.length - got, offset + got);
        if (bytesRead === 0) throw new Error(`the file of images ends before byte ${offset + got}`);
        got += bytesRead;
      }
    },
    async close() {
      await file.close();
      await forget();
    },
  };
}

function noRoom(cause: unknown): ImageError {
  const why = cause instanceof Error ? cause.message : String(cause);
  return new ImageError(
    "too-many-images",
    `images do not fit into ${tmpdir()} (${why}): free some of that disk, set TMPDIR to a folder on a larger one, or give fewer images`,
    { cause },
  );
}
