import { ProtocolError } from "../../errors.ts";

/** The bytes end before the pickle does: there may be more of them in the file. */
export class PickleCutShort extends ProtocolError {
  constructor(at: number) {
    super("malformed-model", `the pickle is cut short: it ends at byte ${at}, before its end mark`);
  }
}

/** The bytes of a pickle, taken one thing after another. Numbers are little-endian but for floats. */
export class PickleCursor {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  /** Where in the file the bytes begin. */
  readonly #origin: number;
  #next = 0;

  /** @param origin where in the file the bytes begin, for messages */
  constructor(bytes: Uint8Array, origin: number) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    this.#origin = origin;
  }

  /** Where in the file the next byte is. */
  get at(): number {
    return this.#origin + this.#next;
  }

  /** Passes over bytes, and says where they begin. */
  #take(length: number): number {
    const begin = this.#next;
    if (length > this.#bytes.length - begin) {
      throw new PickleCutShort(this.#origin + this.#bytes.length);
    }
    this.#next += length;
    return begin;
  }

  uint8(): number {
    return this.#view.getUint8(this.#take(1));
  }

  uint16(): number {
    return this.#view.getUint16(this.#take(2), true);
  }

  uint32(): number {
    return this.#view.getUint32(this.#take(4), true);
  }

  int32(): number {
    return this.#view.getInt32(this.#take(4), true);
  }

  /** @throws ProtocolError `malformed-model` for a length that nothing has. */
  uint64(): number {
    const at = this.#take(8);
    const value = this.#view.getBigUint64(at, true);
    if (value > Number.MAX_SAFE_INTEGER) throw this.malformed(`a length of ${value} bytes`);
    return Number(value);
  }

  /** Big-endian, as pickles have it. */
  float64(): number {
    return this.#view.getFloat64(this.#take(8));
  }

  /** A view. */
  bytes(length: number): Uint8Array {
    const begin = this.#take(length);
    return this.#bytes.subarray(begin, begin + length);
  }

  /** Up to a line feed, which is passed over: a byte is a character. */
  line(): string {
    const end = this.#bytes.indexOf(0x0a, this.#next);
    if (end === -1) throw new PickleCutShort(this.#origin + this.#bytes.length);
    const line = this.bytes(end - this.#next);
    this.#next++;
    if (line.length > MAX_LINE) throw this.malformed(`a line of ${line.length} bytes`);
    let text = "";
    for (const byte of line) text += String.fromCharCode(byte);
    return text;
  }

  malformed(what: string, advice = "it is damaged, fetch the file again"): ProtocolError {
    return new ProtocolError(
      "malformed-model",
      `the pickle has ${what} at byte ${this.at}: ${advice}`,
    );
  }
}

/** Longest line of the text protocol that is read: names and short strings. */
const MAX_LINE = 2 ** 16;
