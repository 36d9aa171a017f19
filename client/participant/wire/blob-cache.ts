/** Keeps blobs by digest, so that the teacher and unchanged slices are not fetched twice. */
export interface BlobCache {
  get(digest: string): Promise<Uint8Array | undefined>;
  put(digest: string, bytes: Uint8Array): Promise<void>;
  /** Drops all blobs but these. */
  retain(digests: ReadonlySet<string>): Promise<void>;
}

/** A cache in memory. */
export function memoryBlobCache(): BlobCache {
  const blobs = new Map<string, Uint8Array>();
  return {
    get: (digest) => Promise.resolve(blobs.get(digest)),
    put: (digest, bytes) => {
      blobs.set(digest, bytes);
      return Promise.resolve();
    },
    retain: (digests) => {
      for (const digest of blobs.keys()) if (!digests.has(digest)) blobs.delete(digest);
      return Promise.resolve();
    },
  };
}
