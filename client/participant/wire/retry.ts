import { ProtocolError, type ProblemCode } from "../../../protocol/errors.ts";
import { ConnectionError } from "./connection-error.ts";
import type { Clock } from "../ports.ts";

const BASE_MS = 500;
const CAP_MS = 30_000;

/** Refusals that pass by themselves. */
const PASSING: ReadonlySet<ProblemCode> = new Set([
  "internal",
  "not-configured",
  "stored-by-later-version",
  "quota-exceeded",
  "request-timeout",
  "too-many-requests",
  "unavailable",
]);

/** One failed try, told to people. */
export interface Retry {
  readonly error: Error;
  readonly delayMs: number;
  /** Tries so far. */
  readonly tries: number;
}

export interface RetryOptions {
  readonly clock: Clock;
  readonly random: () => number;
  readonly signal: AbortSignal;
  readonly onRetry?: (retry: Retry) => void;
  /** Further errors to try again after; told how many tries there were. */
  readonly alsoRetry?: (error: unknown, tries: number) => boolean;
}

/**
 * Runs `work` until it succeeds: a lost connection never makes it give up, a permanent refusal does
 * at once. Waits with exponential back-off and full jitter (Brooker, 'Exponential Backoff And
 * Jitter', AWS 2015), and at least as long as a `Retry-After` asks for.
 *
 * @throws what `work` throws when trying again cannot help; the signal's reason when it aborts.
 *
 * @example
 * const reply = await retrying(() => client.checkIn(report, signal), { clock, random: Math.random, signal });
 */
export async function retrying<T>(work: () => Promise<T>, options: RetryOptions): Promise<T> {
  const { alsoRetry, clock, onRetry, random, signal } = options;
  for (let tries = 1; ; tries++) {
    signal.throwIfAborted();
    try {
      return await work();
    } catch (error) {
      signal.throwIfAborted();
      if (!(error instanceof Error)) throw error;
      if (!isPassing(error) && alsoRetry?.(error, tries) !== true) throw error;
      const ceilingMs = Math.min(CAP_MS, BASE_MS * 2 ** Math.min(tries - 1, 20));
      const delayMs = (retryAfterMs(error) ?? 0) + random() * ceilingMs;
      onRetry?.({ error, delayMs, tries });
      await clock.sleep(delayMs, signal);
    }
  }
}

/** Whether the same request may succeed later without anybody's doing. */
function isPassing(error: unknown): boolean {
  if (error instanceof ConnectionError) return true;
  return error instanceof ProtocolError && PASSING.has(error.code);
}

/** Key under which a `Retry-After` header is kept with a problem's extensions. */
export const RETRY_AFTER_EXTENSION = "retryAfterMs";

function retryAfterMs(error: Error): number | undefined {
  if (error instanceof ConnectionError) return error.retryAfterMs;
  if (!(error instanceof ProtocolError)) return undefined;
  const value = error.extensions[RETRY_AFTER_EXTENSION];
  return typeof value === "number" ? value : undefined;
}
