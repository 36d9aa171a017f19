/** Something remembered of each address, of so many at most: the one touched longest ago goes. */
export class RecentAddresses<Entry> {
  readonly #entries = new Map<string, Entry>();
  readonly #most: number;

  constructor(most: number) {
    this.#most = most;
  }

  get(address: string): Entry | undefined {
    return this.#entries.get(address);
  }

  set(address: string, entry: Entry): void {
    this.#entries.delete(address);
    this.#entries.set(address, entry);
    if (this.#entries.size <= this.#most) return;
    for (const oldest of this.#entries.keys()) {
      this.#entries.delete(oldest);
      return;
    }
  }
}
