import type { ByteRun, ByteSource } from "../byte-source.ts";
import type { EntryContent } from "../zip/rewrite-zip.ts";

/** The storages of a PyTorch file, each a run of its bytes, however it keeps them. */
export interface Storages {
  readonly source: ByteSource;
  /** Length of a storage; undefined where the file has none of this key. */
  bytesOf(key: string): number | undefined;
  /**
   * Where the storages of these keys lie.
   *
   * @throws ProtocolError `malformed-model` where the file says otherwise at the place itself.
   */
  locate(keys: Iterable<string>): Promise<ReadonlyMap<string, ByteRun>>;
  /** The file with other bytes, as many, in the storages of these keys. */
  rewrite(contents: ReadonlyMap<string, EntryContent>): AsyncIterable<Uint8Array>;
}
