import { readBytes, type ByteSource } from "../byte-source.ts";

/**
 * Files read as if they stood behind each other in one.
 *
 * @throws ProtocolError `malformed-model` while reading, when one gives fewer bytes than it has.
 */
export function joinedSource(files: readonly ByteSource[]): ByteSource {
  const begins: number[] = [];
  let totalBytes = 0;
  for (const file of files) {
    begins.push(totalBytes);
    totalBytes += file.totalBytes;
  }
  return {
    totalBytes,
    read: async (begin, end) => {
      const bytes = new Uint8Array(end - begin);
      for (const [i, file] of files.entries()) {
        const from = Math.max(begin, begins[i]!);
        const to = Math.min(end, begins[i]! + file.totalBytes);
        if (from >= to) continue;
        const part = await readBytes(file, from - begins[i]!, to - begins[i]!);
        bytes.set(part, from - begin);
        file.release?.(part);
      }
      return bytes;
    },
  };
}
