import { memoryBlobCache, type BlobCache } from "../participant/wire/blob-cache.ts";

/** Cached requests need a URL; nothing is ever fetched from this one. */
const urlOf = (digest: string): string => `/blobs-of-this-tab/${digest}`;

export interface OpenedBlobCache {
  readonly cache: BlobCache;
  /** Frees the disk once the campaign is over for this participant. */
  discard(): Promise<void>;
}

/**
 * A campaign's blobs in the browser's Cache storage, so that a reloaded tab does not fetch the
 * teacher again. Kept in memory where there is no such storage (a page without https), or no room.
 */
export async function openBlobCache(campaign: string): Promise<OpenedBlobCache> {
  const memory = { cache: memoryBlobCache(), discard: () => Promise.resolve() };
  if (!("caches" in globalThis)) return memory;
  const name = `scour-blobs/${campaign}`;
  let store: Cache;
  try {
    store = await caches.open(name);
  } catch {
    return memory;
  }
  const cache: BlobCache = {
    get: async (digest) => {
      const held = await memory.cache.get(digest);
      if (held !== undefined) return held;
      const response = await store.match(urlOf(digest));
      return response === undefined ? undefined : new Uint8Array(await response.arrayBuffer());
    },
    put: async (digest, bytes) => {
      const response = new Response(bytes as Uint8Array<ArrayBuffer>);
      // A full disk must not end the campaign: what cannot be stored is held.
      await store.put(urlOf(digest), response).catch(() => memory.cache.put(digest, bytes));
    },
    retain: async (digests) => {
      await memory.cache.retain(digests);
      for (const request of await store.keys()) {
        const digest = new URL(request.url).pathname.split("/").at(-1) ?? "";
        if (!digests.has(digest)) await store.delete(request);
      }
    },
  };
  return { cache, discard: async () => void (await caches.delete(name)) };
}
