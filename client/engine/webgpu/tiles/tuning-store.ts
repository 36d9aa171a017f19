/** Where measured choices are kept from one run to the next: a file in Node, IndexedDB in a tab. */
export interface TuningStore {
  get(key: string): Promise<string | undefined>;
  set(key: string, value: string): Promise<void>;
}

/** Keeps choices for as long as the process lives. */
export class MemoryTuningStore implements TuningStore {
  readonly #values = new Map<string, string>();

  async get(key: string): Promise<string | undefined> {
    return this.#values.get(key);
  }

  async set(key: string, value: string): Promise<void> {
    this.#values.set(key, value);
  }
}
