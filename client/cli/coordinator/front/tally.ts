/** How many of something there are at once, in all and of one address, neither above its bound. */
export class Tally {
  readonly #most: number;
  readonly #mostPerAddress: number;
  readonly #byAddress = new Map<string, number>();
  #total = 0;

  constructor(most: number, mostPerAddress: number) {
    this.#most = most;
    this.#mostPerAddress = mostPerAddress;
  }

  /**
   * Counts one more.
   *
   * @returns what ends it, to be called any number of times; undefined when there are too many.
   */
  enter(address: string): (() => void) | undefined {
    const own = this.#byAddress.get(address) ?? 0;
    if (this.#total >= this.#most || own >= this.#mostPerAddress) return undefined;
    this.#total++;
    this.#byAddress.set(address, own + 1);
    let isIn = true;
    return () => {
      if (!isIn) return;
      isIn = false;
      this.#total--;
      const left = this.#byAddress.get(address)! - 1;
      if (left === 0) this.#byAddress.delete(address);
      else this.#byAddress.set(address, left);
    };
  }
}
