import { sha256 } from "../../../protocol/digest.ts";
import type { BlobCache } from "./blob-cache.ts";
import { ConnectionError } from "./connection-error.ts";
import type { CoordinatorClient } from "./coordinator-client.ts";
import { ParticipantError } from "../participant-error.ts";
import type { Clock } from "../ports.ts";
import { retrying, type RetryOptions } from "./retry.ts";

export interface BlobRequest {
  readonly digest: string;
  /** Its length, known beforehand: nothing longer is read. */
  readonly bytes: number;
  /** For messages: `the teacher`, `slice 3 of the student`. */
  readonly what: string;
  /** Told the bytes of each piece as it comes in. */
  readonly onBytes?: (bytes: number) => void;
}

export interface BlobFetchOptions extends RetryOptions {
  readonly client: CoordinatorClient;
  readonly cache: BlobCache;
}

/** Tries a blob gets whose bytes do not match its digest: once may be the network's fault. */
const DIGEST_TRIES = 2;

/** A body that brings nothing for this long is given up and asked for again. */
const STALL_MS = 60_000;

/**
 * A blob by digest, from the cache or the coordinator. A broken connection is resumed where it broke
 * (`Range`, RFC 9110 section 14); every byte handed out has been checked against the digest.
 *
 * @throws ParticipantError `campaign-not-verified` when the coordinator keeps serving other bytes.
 *
 * @example
 * const teacher = await fetchBlob({ digest, bytes, what: "the teacher" }, options);
 */
export async function fetchBlob(
  request: BlobRequest,
  options: BlobFetchOptions,
): Promise<Uint8Array<ArrayBuffer>> {
  const { digest, bytes, what, onBytes } = request;
  const { cache } = options;
  const cached = await cache.get(digest);
  if (cached !== undefined && sha256(cached) === digest) {
    onBytes?.(cached.length);
    return cached as Uint8Array<ArrayBuffer>;
  }
  for (let tries = 1; ; tries++) {
    const received = await download(request, options);
    if (sha256(received) === digest) {
      await cache.put(digest, received);
      return received;
    }
    onBytes?.(-bytes);
    if (tries === DIGEST_TRIES) {
      throw new ParticipantError(
        "campaign-not-verified",
        `the coordinator served other bytes for ${what} than their digest ${digest.slice(0, 12)}… names; nothing of it was used. Tell whoever invited you`,
      );
    }
  }
}

async function download(
  { digest, bytes, what, onBytes }: BlobRequest,
  options: BlobFetchOptions,
): Promise<Uint8Array<ArrayBuffer>> {
  const { client, clock, signal } = options;
  const buffer = new Uint8Array(bytes);
  let filled = 0;
  await retrying(async () => {
    if (filled === bytes) return;
    const broken = new AbortController();
    const response = await client.blob(digest, filled, AbortSignal.any([signal, broken.signal]));
    if (response.status !== 206 && filled > 0) {
      // The range was not honoured: this answer starts at the first byte.
      onBytes?.(-filled);
      filled = 0;
    }
    for await (const chunk of chunksOf(response, what, { clock, signal, broken })) {
      if (filled + chunk.length > bytes) {
        broken.abort();
        throw new ParticipantError(
          "campaign-not-verified",
          `the coordinator served more than the ${bytes} bytes that ${what} has; nothing of it was used. Tell whoever invited you`,
        );
      }
      buffer.set(chunk, filled);
      filled += chunk.length;
      client.countReceived(chunk.length);
      onBytes?.(chunk.length);
    }
    if (filled < bytes) throw new ConnectionError("interrupted", `${what} broke off on its way`);
  }, options);
  return buffer;
}

async function* chunksOf(
  response: Response,
  what: string,
  guard: { readonly clock: Clock; readonly signal: AbortSignal; readonly broken: AbortController },
): AsyncGenerator<Uint8Array> {
  const { broken, clock, signal } = guard;
  const reader = response.body?.getReader();
  if (reader === undefined) return;
  for (;;) {
    const arrived = new AbortController();
    clock.sleep(STALL_MS, AbortSignal.any([arrived.signal, signal])).then(
      () => broken.abort(),
      () => undefined,
    );
    try {
      const { done, value } = await reader.read();
      if (done) return;
      yield value;
    } catch (cause) {
      signal.throwIfAborted();
      if (cause instanceof ParticipantError) throw cause;
      throw new ConnectionError("interrupted", `${what} broke off on its way`, { cause });
    } finally {
      arrived.abort();
    }
  }
}
