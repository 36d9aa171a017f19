import type { Clock } from "./ports.ts";

/** Share of the newest step in the running rate. */
const NEWEST = 0.25;

/** Measures the active time of steps and their rate, pauses left out. */
export class StepMeter {
  readonly #clock: Clock;
  #since: number;
  /** From the last step told to the pauses since then. */
  #heldMs = 0;
  #activeMs = 0;
  #imagesPerMs = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#since = clock.now();
  }

  stepDone(images: number): void {
    const now = this.#clock.now();
    const elapsedMs = Math.max(this.#heldMs + now - this.#since, 1e-3);
    this.#heldMs = 0;
    this.#activeMs += elapsedMs;
    const rate = images / elapsedMs;
    this.#imagesPerMs =
      this.#imagesPerMs === 0 ? rate : (1 - NEWEST) * this.#imagesPerMs + NEWEST * rate;
    this.#since = now;
  }

  /** Before a pause: what passed until now counts for the steps that are told next. */
  pause(): void {
    this.#heldMs += this.#clock.now() - this.#since;
    this.restart();
  }

  /** After a pause: what passed since it began does not count. */
  restart(): void {
    this.#since = this.#clock.now();
  }

  get seconds(): number {
    return this.#activeMs / 1000;
  }

  get imagesPerSecond(): number {
    return this.#imagesPerMs * 1000;
  }
}
