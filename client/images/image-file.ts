/**
 * Bytes that are kept outside of memory for as long as a process runs: a file that nobody else sees
 * (`image-file-node.ts`, `image-file-browser.ts`).
 */
export interface ImageFile {
  /** @throws ImageError `too-many-images` when there is no room. */
  append(bytes: Uint8Array): Promise<void>;
  /** Fills `into` with what stands from `offset` on. */
  read(offset: number, into: Uint8Array): Promise<void>;
  /** Removes it. */
  close(): Promise<void>;
}
