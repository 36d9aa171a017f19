import { Inflate, Unzip, type UnzipDecoder } from "fflate";
import { isHidden } from "./hidden-names.ts";

/** One file of an archive: its bytes, or why they are not to be had. */
export type ZipEntry =
  | { readonly name: string; readonly bytes: Uint8Array }
  | { readonly name: string; readonly problem: string };

export interface ZipLimits {
  /** Most bytes one entry may unpack to. */
  readonly entryBytes: number;
  /** Most entries an archive may have. */
  readonly entries: number;
}

export const ZIP_LIMITS: ZipLimits = { entryBytes: 64 * 2 ** 20, entries: 1_000_000 };

/** Deflate grows at most 1032-fold, so one push unpacks to at most 16 MiB before limits are looked at. */
const PUSH_BYTES = 16 * 2 ** 10;

const STORED = 0;
const DEFLATED = 8;
const END_OF_DIRECTORY = [0x50, 0x4b, 0x05, 0x06];

/**
 * Unpacks a zip as a stream, one entry in memory at a time. Entries that are too large (declared or
 * not), damaged, encrypted or packed in an unknown way come out with a `problem`; folders, dotfiles
 * and macOS's `__MACOSX` are passed over.
 *
 * @param archive name for messages, when the archive itself is cut short.
 *
 * @example
 * for await (const entry of zipEntries(createReadStream("photos.zip"), "photos.zip")) …
 */
export async function* zipEntries(
  chunks: AsyncIterable<Uint8Array>,
  archive: string,
  limits: ZipLimits = ZIP_LIMITS,
): AsyncGenerator<ZipEntry> {
  const ready: ZipEntry[] = [];
  let open: string | undefined;
  let entries = 0;

  const unzip = new Unzip((file) => {
    entries++;
    const hidden = file.name.endsWith("/") || isHidden(file.name);
    const parts: Uint8Array[] = [];
    let total = 0;
    let problem: string | undefined;
    let done = false;
    open = file.name;

    const settle = (): void => {
      if (done) return;
      done = true;
      open = undefined;
      if (hidden) return;
      ready.push(
        problem === undefined
          ? { name: file.name, bytes: joined(parts, total) }
          : { name: file.name, problem },
      );
    };
    const take = (chunk: Uint8Array): boolean => {
      total += chunk.length;
      if (total > limits.entryBytes) {
        problem ??= `unpacks to more than ${Math.floor(limits.entryBytes / 2 ** 20)} MiB`;
        parts.length = 0;
      }
      if (problem === undefined && !hidden) parts.push(chunk.slice());
      return problem === undefined;
    };

    if (file.compression !== STORED && file.compression !== DEFLATED) {
      problem = `packed with method ${file.compression}, which is not supported; pack it again with Deflate`;
    }
    unzip.register(entryDecoder(file.compression, take, (reason) => (problem ??= reason)));
    file.ondata = (_error, _data, final) => {
      if (final) settle();
    };
    file.start();
  });

  const directory = new SignatureSearch(END_OF_DIRECTORY);
  const feed = (piece: Uint8Array, final: boolean): string | undefined => {
    try {
      unzip.push(piece, final);
      return undefined;
    } catch {
      return "the archive is damaged";
    }
  };

  for await (const chunk of chunks) {
    for (let at = 0; at < chunk.length; at += PUSH_BYTES) {
      // Copied: the unpacker keeps pieces of what it is given, and a reader may reuse its buffer.
      const piece = chunk.slice(at, at + PUSH_BYTES);
      directory.look(piece);
      const damage = feed(piece, false);
      yield* ready.splice(0);
      if (damage !== undefined) {
        yield { name: open === undefined ? archive : `${archive}/${open}`, problem: damage };
        return;
      }
      if (entries > limits.entries) {
        yield { name: archive, problem: `holds more than ${limits.entries} files` };
        return;
      }
    }
  }
  const damage = feed(new Uint8Array(), true);
  yield* ready.splice(0);
  if (damage !== undefined || open !== undefined || !directory.found) {
    yield { name: open ?? archive, problem: "the archive is cut short; copy or download it again" };
  }
}

/** A decoder class for one entry, as fflate wants it, which stops unpacking once `take` says no. */
function entryDecoder(
  compression: number,
  take: (chunk: Uint8Array) => boolean,
  fail: (reason: string) => void,
): { new (): UnzipDecoder; compression: number } {
  return class implements UnzipDecoder {
    static readonly compression = compression;
    ondata: UnzipDecoder["ondata"] = () => undefined;
    #wanted = true;
    #inflate = new Inflate((chunk) => {
      this.#wanted &&= take(chunk);
    });

    push(chunk: Uint8Array, final: boolean): void {
      if (this.#wanted && compression === STORED) this.#wanted = take(chunk);
      if (this.#wanted && compression === DEFLATED) {
        try {
          this.#inflate.push(chunk, final);
        } catch {
          this.#wanted = false;
          fail("the archive's entry is damaged or encrypted");
        }
      }
      this.ondata(null, new Uint8Array(), final);
    }
  };
}

function joined(parts: readonly Uint8Array[], total: number): Uint8Array {
  const [only] = parts;
  if (parts.length === 1 && only !== undefined) return only;
  const bytes = new Uint8Array(total);
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

/** Looks for a few bytes in a stream; their first byte must not occur again in them. */
class SignatureSearch {
  readonly #signature: readonly number[];
  #matched = 0;

  constructor(signature: readonly number[]) {
    this.#signature = signature;
  }

  get found(): boolean {
    return this.#matched === this.#signature.length;
  }

  look(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length && !this.found; at++) {
      if (bytes[at] === this.#signature[this.#matched]) this.#matched++;
      else this.#matched = bytes[at] === this.#signature[0] ? 1 : 0;
    }
  }
}
