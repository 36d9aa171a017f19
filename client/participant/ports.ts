import { memoryBlobCache, type BlobCache } from "./wire/blob-cache.ts";
import { memoryIdentityStore, type IdentityStore } from "./wire/identity.ts";

/** What a participant needs of its surroundings; every one can be replaced, as tests do. */
export interface ParticipantPorts {
  readonly clock: Clock;
  readonly fetch: typeof globalThis.fetch;
  /** Left out where there are no sockets: the participant polls. */
  readonly WebSocket: SocketConstructor | undefined;
  readonly identities: IdentityStore;
  readonly blobs: BlobCache;
  /** Uniform in [0, 1), for back-off. */
  readonly random: () => number;
  /** Fresh random bytes, for stochastic rounding and the order of images. */
  readonly randomBytes: (length: number) => Uint8Array;
}

export interface Clock {
  /** Milliseconds, ascending. */
  now(): number;
  /** Rejects with the signal's reason when it aborts first. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}

/** The part of the standard WebSocket that is used. */
export interface Socket {
  addEventListener(type: "open" | "close" | "error", listener: () => void): void;
  addEventListener(type: "message", listener: (event: { readonly data: unknown }) => void): void;
  send(text: string): void;
  close(): void;
}

export type SocketConstructor = new (url: string, protocols: string[]) => Socket;

export const systemClock: Clock = {
  now: () => performance.now(),
  sleep: (ms, signal) => {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    if (signal?.aborted === true) {
      reject(signal.reason as Error);
      return promise;
    }
    const stop = (): void => {
      clearTimeout(timer);
      reject(signal?.reason as Error);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", stop);
      resolve();
    }, ms);
    signal?.addEventListener("abort", stop, { once: true });
    return promise;
  },
};

/** The surroundings of a browser or of Node, with identity and blobs kept in memory. */
export function defaultPorts(): ParticipantPorts {
  return {
    clock: systemClock,
    fetch: (...request) => globalThis.fetch(...request),
    WebSocket: globalThis.WebSocket,
    identities: memoryIdentityStore(),
    blobs: memoryBlobCache(),
    random: Math.random,
    randomBytes: (length) => crypto.getRandomValues(new Uint8Array(length)),
  };
}
