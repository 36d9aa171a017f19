import { rename, rm, writeFile } from "node:fs/promises";

/**
 * Writes a file that is there whole or not at all, whatever happens meanwhile.
 *
 * @param mode permissions of the file; the usual ones when left out
 */
export async function writeWhole(
  path: string,
  content: Uint8Array | string | AsyncIterable<Uint8Array>,
  mode?: number,
): Promise<void> {
  const partial = `${path}.partial`;
  try {
    await writeFile(partial, content, { flush: true, ...(mode !== undefined && { mode }) });
    await rename(partial, path);
  } catch (error) {
    await rm(partial, { force: true });
    throw error;
  }
}
