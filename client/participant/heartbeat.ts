import type { Clock } from "./ports.ts";

/** Longest between two signs of life, ms. */
const MOST_MS = 30_000;

/** Signs of life in the time after which silence counts: one may be lost. */
const BEATS = 4;

/**
 * Tells the coordinator now and then that somebody is at work, so that the place is not given to
 * another (SPEC R14). Told of every step; what it does costs next to nothing.
 */
export class Heartbeat {
  readonly #clock: Clock;
  readonly #everyMs: number;
  readonly #send: () => void;
  #last: number;

  /** @param silentMs silence after which a place is given on */
  constructor(clock: Clock, silentMs: number, send: () => void) {
    this.#clock = clock;
    this.#everyMs = Math.min(MOST_MS, silentMs / BEATS);
    this.#send = send;
    this.#last = clock.now();
  }

  beat(): void {
    const now = this.#clock.now();
    if (now - this.#last < this.#everyMs) return;
    this.#last = now;
    this.#send();
  }
}
