import type { Identity, IdentityStore } from "../../participant/wire/identity.ts";

const DATABASE = "scour-identities";
const TABLE = "identities";

/** How long a reloaded tab waits for the page before it to let go of its identity, ms. */
const RELOAD_MS = 3000;

const pointer = (key: string): string => `scour-identity/${key}`;

/**
 * Identities in this browser's IndexedDB, where private keys lie that no script can read out: whoever
 * opens the link again, a week later too, is who it was. Tabs that are open at the same time are
 * different participants: each holds a lock on its own as long as it lives, and this tab's is noted in
 * its session storage. Where the browser keeps nothing, an identity lasts as long as the page.
 */
export function browserIdentities(): IdentityStore {
  const held = new Map<string, Identity>();
  return {
    keepsBytes: false,
    async load(key) {
      const known = held.get(key);
      if (known !== undefined) return known;
      const kept = await stored(key).catch(() => []);
      const own = sessionStorage.getItem(pointer(key));
      // An earlier version kept the whole identity there, without a key.
      if (own?.startsWith("{") === true) return JSON.parse(own) as unknown;
      // This tab's own first: it is worth waiting for.
      const candidates = kept.toSorted((a, b) => Number(isOf(b, own)) - Number(isOf(a, own)));
      for (const identity of candidates) {
        if (!(await hold(identity, isOf(identity, own) ? RELOAD_MS : 0))) continue;
        held.set(key, identity);
        sessionStorage.setItem(pointer(key), identity.participant);
        return identity;
      }
      return undefined;
    },
    async save(key, identity) {
      if (held.get(key)?.participant !== identity.participant) await hold(identity, 0);
      held.set(key, identity);
      sessionStorage.setItem(pointer(key), identity.participant);
      await change((table) => table.put({ key, identity }, identity.participant)).catch(() => {});
    },
    async forget(key) {
      const identity = held.get(key);
      held.delete(key);
      sessionStorage.removeItem(pointer(key));
      if (identity === undefined) return;
      await change((table) => table.delete(identity.participant)).catch(() => {});
    },
  };
}

function isOf({ participant }: Identity, own: string | null): boolean {
  return participant === own;
}

/** Takes an identity for this page, until it is closed; false when another page has it. */
function hold({ participant }: Identity, waitMs: number): Promise<boolean> {
  return new Promise((resolve) => {
    const forever = new Promise<void>(() => {});
    navigator.locks
      .request(
        `scour-identity/${participant}`,
        waitMs === 0 ? { ifAvailable: true } : { signal: AbortSignal.timeout(waitMs) },
        (lock) => {
          resolve(lock !== null);
          return lock === null ? undefined : forever;
        },
      )
      .catch(() => resolve(false));
  });
}

/** Identities kept under a key; what they are is checked by whoever asked. */
async function stored(key: string): Promise<Identity[]> {
  const table = (await openDatabase()).transaction(TABLE).objectStore(TABLE);
  const rows = (await settled(table.getAll())) as { key: string; identity: Identity }[];
  return rows.filter((row) => row.key === key).map(({ identity }) => identity);
}

async function change(work: (table: IDBObjectStore) => IDBRequest): Promise<void> {
  const database = await openDatabase();
  await settled(work(database.transaction(TABLE, "readwrite").objectStore(TABLE)));
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
