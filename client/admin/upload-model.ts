import {
  partCount,
  partLength,
  type UploadRequest,
  type UploadState,
} from "../../protocol/round/upload.ts";
import { AdminError } from "./admin-error.ts";

/** Small enough that a line which breaks off costs little, large enough that asking costs nothing. */
const PART_BYTES = 32 * 2 ** 20;

/** Tries at one part, and how long is waited before the second, ms; before each further one twice as long. */
const TRIES = 5;
const FIRST_WAIT_MS = 500;

/** A model file as it is uploaded: read part by part, never held whole. */
export interface ModelUpload {
  readonly body: Blob;
  /** SHA-256 in lower-case hexadecimal. */
  readonly digest: string;
}

export interface UploadHooks {
  readonly signal?: AbortSignal | undefined;
  /** Called with the bytes that are there, those of an earlier try included. */
  readonly onProgress?: ((sentBytes: number) => void) | undefined;
}

/** The coordinator's side of an upload (SPEC P10). */
export interface UploadRoutes {
  begin(digest: string, request: UploadRequest): Promise<UploadState>;
  /** @param signal ends the sending */
  sendPart(
    digest: string,
    index: number,
    part: Blob,
    signal: AbortSignal | undefined,
  ): Promise<void>;
  complete(digest: string): Promise<void>;
}

/**
 * Uploads a model in parts, going on where an earlier try ended. Nothing is sent of a file that is too
 * large or already there.
 *
 * @throws AdminError when the coordinator refuses, or does not answer for a while; the signal's reason
 *   when it aborts, after which the same call goes on.
 */
export async function uploadInParts(
  routes: UploadRoutes,
  { body, digest }: ModelUpload,
  { onProgress, signal }: UploadHooks = {},
): Promise<void> {
  const state = await routes.begin(digest, { bytes: body.size, partBytes: PART_BYTES });
  if (state.complete) return;
  const count = partCount(state);
  const missing = new Set(state.missing);
  let sent = 0;
  for (let index = 0; index < count; index++) {
    if (!missing.has(index)) sent += partLength(state, index);
  }
  for (const index of missing) {
    signal?.throwIfAborted();
    const begin = index * state.partBytes;
    const part = body.slice(begin, begin + partLength(state, index));
    await sendPatiently(() => routes.sendPart(digest, index, part, signal), signal);
    sent += part.size;
    onProgress?.(sent);
  }
  await routes.complete(digest);
}

/** A line that breaks off, or a coordinator that restarts, is no reason to begin anew. */
async function sendPatiently(
  send: () => Promise<void>,
  signal: AbortSignal | undefined,
): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      await send();
      return;
    } catch (error) {
      signal?.throwIfAborted();
      const passes = error instanceof AdminError && (error.isPassing || DAMAGED.has(error.code));
      if (!passes || attempt === TRIES) throw error;
      await wait(FIRST_WAIT_MS * 2 ** (attempt - 1), signal);
    }
  }
}

/** A part that was damaged on its way comes right the next time. */
const DAMAGED: ReadonlySet<AdminError["code"]> = new Set(["digest-mismatch", "length-mismatch"]);

/** @throws the signal's reason when it aborts. */
function wait(ms: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    const stop = (): void => {
      clearTimeout(timer);
      reject(signal!.reason as Error);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", stop);
      resolve();
    }, ms);
    signal?.addEventListener("abort", stop, { once: true });
  });
}
