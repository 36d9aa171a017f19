import type { ByteSource } from "../../../../protocol/zip/seekable-zip.ts";

/** Bytes in memory as a source; told how much of them is read. */
export function bytesSource(bytes: Uint8Array, onRead?: (length: number) => void): ByteSource {
  return {
    size: bytes.length,
    read: (offset, length) => {
      onRead?.(length);
      return Promise.resolve(bytes.slice(offset, offset + length));
    },
  };
}

/** Where the directory's first header at or after `from` begins (APPNOTE 4.3.12). */
export function directoryEntry(zip: Uint8Array, from = 0): number {
  const at = Buffer.from(zip.buffer, zip.byteOffset, zip.length).indexOf("PK\u0001\u0002", from);
  if (at === -1) throw new RangeError("the archive has no such entry");
  return at;
}
