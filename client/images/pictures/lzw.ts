const MOST_CODES = 4096;

/**
 * The codes of LZW as GIF and TIFF have them: of each its last byte, its length, and the code that it
 * goes on from.
 */
export class LzwTable {
  /** Of the codes that stand for more than one byte. */
  readonly #first: number;
  readonly #before = new Uint16Array(MOST_CODES);
  readonly #last = Uint8Array.from({ length: MOST_CODES }, (_, code) => code & 255);
  readonly #lengths = new Uint16Array(MOST_CODES).fill(1);
  #count: number;
  #previous = -1;

  /** @param first code that is free: all below two less stand for a byte */
  constructor(first: number) {
    this.#first = first;
    this.#count = first;
  }

  /** Codes that have a meaning. */
  get count(): number {
    return this.#count;
  }

  /** Forgets what codes above the first ones stand for. */
  clear(): void {
    this.#count = this.#first;
    this.#previous = -1;
  }

  /**
   * Writes what a code stands for, as far as there is room.
   *
   * @returns where the next goes
   * @throws Error for a code that stands for nothing yet.
   */
  write(code: number, bytes: Uint8Array, at: number): number {
    const isNew = code === this.#count;
    const isKnown = this.#previous === -1 ? code < this.#first - 2 : code < this.#count || isNew;
    if (!isKnown || (isNew && code === MOST_CODES)) {
      throw new Error("cannot be decoded: the picture is damaged");
    }
    if (this.#previous !== -1 && this.#count < MOST_CODES) this.#add(isNew ? this.#previous : code);
    const length = this.#lengths[code]!;
    let one = code;
    for (let to = at + length - 1; to >= at; to--) {
      if (to < bytes.length) bytes[to] = this.#last[one]!;
      one = this.#before[one]!;
    }
    this.#previous = code;
    return at + length;
  }

  /** A new code: the previous one's bytes, and the first of another's. */
  #add(next: number): void {
    let first = next;
    while (first >= this.#first) first = this.#before[first]!;
    this.#before[this.#count] = this.#previous;
    this.#lengths[this.#count] = this.#lengths[this.#previous]! + 1;
    this.#last[this.#count] = first;
    this.#count++;
  }
}
