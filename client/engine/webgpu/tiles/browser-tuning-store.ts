import type { TuningStore } from "./tuning-store.ts";

const DATABASE = "scour-engine";
const TABLE = "tiles";

/**
 * Keeps measured choices in IndexedDB. Where that is forbidden or full they are measured again: a
 * cache is no reason to fail.
 */
export class BrowserTuningStore implements TuningStore {
  #database: Promise<IDBDatabase> | undefined;

  async get(key: string): Promise<string | undefined> {
    try {
      const table = (await this.#open()).transaction(TABLE).objectStore(TABLE);
      const value: unknown = await settled(table.get(key));
      return typeof value === "string" ? value : undefined;
    } catch {
      return undefined;
    }
  }

  async set(key: string, value: string): Promise<void> {
    try {
      const table = (await this.#open()).transaction(TABLE, "readwrite").objectStore(TABLE);
      await settled(table.put(value, key));
    } catch {
      // Measured again next time.
    }
  }

  #open(): Promise<IDBDatabase> {
    return (this.#database ??= openDatabase());
  }
}

function openDatabase(): Promise<IDBDatabase> {
  const request = indexedDB.open(DATABASE, 1);
  request.addEventListener("upgradeneeded", () => request.result.createObjectStore(TABLE));
  return settled(request);
}

function settled<T>(request: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    request.addEventListener("success", () => resolve(request.result));
    request.addEventListener("error", () => reject(request.error ?? new Error("IndexedDB failed")));
  });
}
