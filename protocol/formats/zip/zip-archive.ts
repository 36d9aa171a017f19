import { readBytes, readRuns, type ByteRun, type ByteSource } from "../byte-source.ts";
import { crc32 } from "./crc32.ts";
import { badZip, LOCAL_HEADER_BYTES, readDirectory, STORED, type ZipEntry } from "./directory.ts";

const LOCAL_SIGNATURE = 0x0403_4b50;
const DESCRIPTOR_SIGNATURE = 0x0807_4b50;
/** Flags (4.4.4) of encryption, of strong encryption and of encrypted headers. */
const ENCRYPTED = 0x2041;
/** Checksum and sizes follow the data instead of standing before it. */
const HAS_DESCRIPTOR = 0x8;
/** Where a local header has its checksum (4.3.7). */
const LOCAL_CRC = 14;

/** Where an entry's bytes lie. */
export interface EntryPlace extends ByteRun {
  readonly entry: ZipEntry;
  /** Where the checksum stands that belongs to the data: before or behind it. */
  readonly crcAt: number;
}

/**
 * A zip archive read by ranges. Its directory is read when it is opened, an entry's local header when its
 * bytes are asked for. Entries must be stored as they are, as those of PyTorch are: then any run of their
 * bytes can be read, and others put in their place.
 *
 * @example
 * const archive = await ZipArchive.open(source);
 * const pickle = await archive.read(archive.entry("archive/data.pkl")!, 2 ** 20);
 */
export class ZipArchive {
  readonly source: ByteSource;
  /** By where they begin. */
  readonly entries: readonly ZipEntry[];
  readonly #byName: ReadonlyMap<string, ZipEntry>;
  readonly #places = new Map<ZipEntry, EntryPlace>();

  private constructor(source: ByteSource, entries: readonly ZipEntry[]) {
    this.source = source;
    this.entries = entries;
    this.#byName = new Map(entries.map((entry) => [entry.name, entry]));
  }

  /**
   * Reads the directory.
   *
   * @throws ProtocolError `malformed-model`: damaged, cut short, too large, or with a name twice.
   */
  static async open(source: ByteSource): Promise<ZipArchive> {
    return new ZipArchive(source, await readDirectory(source));
  }

  entry(name: string): ZipEntry | undefined {
    return this.#byName.get(name);
  }

  /**
   * All bytes of an entry, compared with its checksum.
   *
   * @param limit most bytes it may have
   * @throws ProtocolError `malformed-model`.
   */
  async read(entry: ZipEntry, limit: number): Promise<Uint8Array> {
    if (entry.size > limit) {
      throw badZip(
        `has an entry '${entry.name}' of ${entry.size} bytes, at most ${limit} are read of it`,
      );
    }
    const [place] = await this.locate([entry]);
    const bytes = await readBytes(this.source, place!.begin, place!.end);
    if (hasChecksum(entry) && crc32(0, bytes) !== entry.crc) {
      throw badZip(`is damaged: the checksum of '${entry.name}' is another; fetch the file again`);
    }
    return bytes;
  }

  /**
   * Where the bytes of entries lie, in the order in which the archive has them.
   *
   * @throws ProtocolError `malformed-model` for an entry that is packed or encrypted, or of which the
   *   archive says one thing here and another there.
   */
  async locate(entries: Iterable<ZipEntry>): Promise<EntryPlace[]> {
    const wanted = [...new Set(entries)].sort((a, b) => a.headerAt - b.headerAt);
    const unknown = wanted
      .filter((entry) => !this.#places.has(entry))
      .map((entry) => {
        const begin = entry.headerAt;
        return { entry, begin, end: begin + LOCAL_HEADER_BYTES + entry.nameBytes.length };
      });
    for await (const [{ entry }, header] of readRuns(this.source, unknown)) {
      this.#places.set(entry, placeOf(entry, header));
    }
    return wanted.map((entry) => this.#places.get(entry)!);
  }
}

/** PyTorch can be told to write no checksums: then they are 0, and stay so. */
export function hasChecksum({ crc, size }: ZipEntry): boolean {
  return crc !== 0 || size === 0;
}

function placeOf(entry: ZipEntry, header: Uint8Array): EntryPlace {
  const { crc, flags, headerAt, method, name, nameBytes, size } = entry;
  const differs = badZip(
    `says one thing of '${name}' in its directory and another at byte ${headerAt}: it is damaged`,
  );
  const view = new DataView(header.buffer, header.byteOffset, header.length);
  const isIt =
    view.getUint32(0, true) === LOCAL_SIGNATURE &&
    view.getUint16(8, true) === method &&
    view.getUint16(26, true) === nameBytes.length &&
    nameBytes.every((byte, i) => byte === header[LOCAL_HEADER_BYTES + i]);
  const localFlags = view.getUint16(6, true);
  if (!isIt || ((localFlags ^ flags) & (HAS_DESCRIPTOR | ENCRYPTED)) !== 0) throw differs;
  if ((flags & ENCRYPTED) !== 0) {
    throw badZip(`has '${name}' encrypted: unpack it with its password first`);
  }
  if (method !== STORED) {
    throw badZip(
      `has '${name}' packed (method ${method}): unpack it and name what comes out; what torch.save wrote is a zip itself, not to be packed or unpacked (zip -0 packs without compression)`,
    );
  }
  const isBehind = (flags & HAS_DESCRIPTOR) !== 0;
  if (!isBehind && view.getUint32(LOCAL_CRC, true) !== crc) throw differs;
  const begin = headerAt + header.length + view.getUint16(28, true);
  const end = begin + size;
  if (end > entry.endsBefore) throw differs;
  return { entry, begin, end, crcAt: isBehind ? end : headerAt + LOCAL_CRC };
}

/**
 * Where the checksum stands in what follows the data of an entry, which a signature may begin (4.3.9).
 *
 * @throws ProtocolError `malformed-model` when there is none, or another than the directory has.
 */
export function descriptorCrc({ crc, name }: ZipEntry, follows: Uint8Array): number {
  const view = new DataView(follows.buffer, follows.byteOffset, follows.length);
  const has = (at: number, value: number) =>
    at + 4 <= follows.length && view.getUint32(at, true) === value;
  if (has(0, DESCRIPTOR_SIGNATURE) && has(4, crc)) return 4;
  if (has(0, crc)) return 0;
  throw badZip(`has no checksum behind '${name}' that is the one in its directory: it is damaged`);
}
