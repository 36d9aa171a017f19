import {
  ERR_BAD_FORMAT,
  ERR_EOCDR_NOT_FOUND,
  Reader,
  Writer,
  ZipReader,
  type FileEntry,
} from "@zip.js/zip.js/lib/zip-core-custom.js";
import { ZipError } from "./zip-error.ts";

/** Bytes somewhere that are read by ranges: a file on disk or in a tab, an object in a store. */
export interface ByteSource {
  readonly size: number;
  /** Bytes [offset, offset + length), fewer where it ends before. */
  read(offset: number, length: number): Promise<Uint8Array>;
}

/** One file of an archive, as the archive's directory lists it: nothing of its content is read yet. */
export interface ZipMember {
  /** Path within the archive; one that ends in `/` is a folder. */
  readonly name: string;
  /** Bytes it unpacks to, as it declares. */
  readonly size: number;
  /**
   * Unpacks it, its checksum compared.
   *
   * @param limit most bytes it may declare, and unpack to
   * @throws ZipError `too-large`, `encrypted`, `unknown-method` or `member-damaged`; what the source throws.
   */
  read(limit: number): Promise<Uint8Array<ArrayBuffer>>;
}

const STORED = 0;
const DEFLATED = 8;

/**
 * Lists what a zip holds by its central directory (APPNOTE 4.3.12), in that order; ZIP64 included. What
 * is listed is read by ranges, so an archive is never in memory as a whole.
 *
 * @param most members an archive may have
 * @throws ZipError `cut-short`, `damaged` or `too-many-members`; what the source throws.
 *
 * @example
 * for await (const member of zipMembers(source, 1000)) {
 *   if (member.name === "data.pkl") return await member.read(2 ** 20);
 * }
 */
export async function* zipMembers(source: ByteSource, most: number): AsyncGenerator<ZipMember> {
  const reader = new SourceReader(source);
  const zip = new ZipReader(reader, {
    useWebWorkers: false,
    checkCrc32: true,
    // Names name: nothing is written to where they point.
    filenameValidation: "tolerant",
  });
  const listed = zip.getEntriesGenerator();
  for (let members = 0; ; members++) {
    const next = await listed.next().catch((cause: unknown) => {
      throw reader.failure ?? archiveError(cause);
    });
    if (next.done) return;
    if (members === most) throw new ZipError("too-many-members", `more than ${most} members`);
    yield new Member(next.value as FileEntry, reader);
  }
}

class Member implements ZipMember {
  readonly #entry: FileEntry;
  readonly #reader: SourceReader;

  constructor(entry: FileEntry, reader: SourceReader) {
    this.#entry = entry;
    this.#reader = reader;
  }

  get name(): string {
    return this.#entry.filename;
  }

  get size(): number {
    return this.#entry.uncompressedSize;
  }

  async read(limit: number): Promise<Uint8Array<ArrayBuffer>> {
    const { compressionMethod, encrypted } = this.#entry;
    if (this.size > limit) throw new ZipError("too-large", `${this.size} of ${limit} bytes`);
    if (encrypted) throw new ZipError("encrypted", "it is encrypted");
    if (compressionMethod !== STORED && compressionMethod !== DEFLATED) {
      throw new ZipError("unknown-method", String(compressionMethod));
    }
    // A folder has no content, nor a function to read it.
    if (this.#entry.getData === undefined) return new Uint8Array();
    const bytes = new Uint8Array(this.size);
    const writer = new BoundedWriter(bytes);
    try {
      await this.#entry.getData(writer);
    } catch (cause) {
      throw (
        this.#reader.failure ??
        new ZipError("member-damaged", "it does not unpack to what it declares", { cause })
      );
    }
    return bytes;
  }
}

/**
 * Most bytes read at once: the directory is, and one of a million members takes less. An archive that
 * declares more would be in memory as a whole.
 */
const MOST_AT_ONCE = 2 ** 28;

/** What goes wrong with the source is kept apart from what is wrong with the archive. */
class SourceReader extends Reader<ByteSource> {
  readonly #source: ByteSource;
  failure: unknown;

  constructor(source: ByteSource) {
    super(source);
    this.#source = source;
    this.size = source.size;
  }

  override async readUint8Array(offset: number, length: number): Promise<Uint8Array> {
    // Where to read is the archive's word, which may point anywhere.
    if (!(offset >= 0 && offset < this.size)) return new Uint8Array();
    const within = Math.min(length, this.size - offset);
    if (within > MOST_AT_ONCE) throw new RangeError(`${within} bytes are read at once`);
    try {
      return await this.#source.read(offset, within);
    } catch (error) {
      this.failure = error;
      throw error;
    }
  }
}

/** Takes as many bytes as were declared: a bomb is stopped where it becomes one. */
class BoundedWriter extends Writer<Uint8Array> {
  readonly #bytes: Uint8Array;
  #filled = 0;

  constructor(bytes: Uint8Array) {
    super();
    this.#bytes = bytes;
  }

  override writeUint8Array(piece: Uint8Array): Promise<void> {
    // Throws RangeError for more than there is room for.
    this.#bytes.set(piece, this.#filled);
    this.#filled += piece.length;
    return Promise.resolve();
  }
}

function archiveError(cause: unknown): ZipError {
  const message = cause instanceof Error ? cause.message : String(cause);
  const isCut = message === ERR_BAD_FORMAT || message === ERR_EOCDR_NOT_FOUND;
  return new ZipError(isCut ? "cut-short" : "damaged", message, { cause });
}
