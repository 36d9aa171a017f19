import type { Clock } from "./ports.ts";

/** Wakes a loop early. Rings are counted, so one between a look and the wait is not missed. */
export class Doorbell {
  #rings = 0;
  #wake: (() => void) | undefined;

  get rings(): number {
    return this.#rings;
  }

  ring(): void {
    this.#rings++;
    this.#wake?.();
  }

  /**
   * Waits until the bell rings again, at most `ms`; returns at once if it rang after `since`.
   *
   * @throws the signal's reason when it aborts first.
   */
  async wait(since: number, ms: number, clock: Clock, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    if (this.#rings !== since) return;
    const rung = new AbortController();
    this.#wake = () => rung.abort();
    try {
      await clock.sleep(ms, AbortSignal.any([signal, rung.signal]));
    } catch (error) {
      signal.throwIfAborted();
      if (!rung.signal.aborted) throw error;
    } finally {
      this.#wake = undefined;
    }
  }
}
