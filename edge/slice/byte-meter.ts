/** Counts the bytes of buffers held at once, since the platform does not tell. */
export class ByteMeter {
  #live = 0;
  #peak = 0;

  /** Notes that `buffer` is held from now on, and gives it back. */
  hold<T extends ArrayBufferView>(buffer: T): T {
    this.#live += buffer.byteLength;
    this.#peak = Math.max(this.#peak, this.#live);
    return buffer;
  }

  /** Notes that `buffer` is not referred to any more. */
  release(buffer: ArrayBufferView): void {
    this.#live -= buffer.byteLength;
  }

  /** Most bytes held at once so far. */
  get peakBytes(): number {
    return this.#peak;
  }
}
