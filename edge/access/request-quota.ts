import { ProtocolError } from "../../protocol/errors.ts";

/** Requests a participant may make at once, and in each minute after (SPEC A4). */
const REQUESTS_PER_MINUTE = 600;

interface Bucket {
  tokens: number;
  /** ms since the epoch */
  filledAt: number;
}

/**
 * A token bucket per participant. Held in memory only: a restart forgives, which is cheaper than a
 * row written for every request.
 */
export class RequestQuota {
  readonly #buckets = new Map<string, Bucket>();
  readonly #perMinute: number;

  constructor(perMinute: number = REQUESTS_PER_MINUTE) {
    this.#perMinute = perMinute;
  }

  /** Whether one more request is permitted; takes it if so. */
  take(participant: string, now: number): boolean {
    const bucket = this.#buckets.get(participant) ?? { tokens: this.#perMinute, filledAt: now };
    const refill = ((now - bucket.filledAt) * this.#perMinute) / 60_000;
    bucket.tokens = Math.min(this.#perMinute, bucket.tokens + Math.max(0, refill));
    bucket.filledAt = now;
    this.#buckets.set(participant, bucket);
    if (bucket.tokens < 1) return false;
    bucket.tokens -= 1;
    return true;
  }

  /** @throws ProtocolError `quota-exceeded` when the participant asks too often. */
  check(participant: string, now: number): void {
    if (this.take(participant, now)) return;
    throw new ProtocolError(
      "quota-exceeded",
      `more than ${this.#perMinute} requests within a minute: wait a little and go on`,
      { retryAfterSeconds: Math.max(1, Math.ceil(60 / this.#perMinute)) },
    );
  }
}
