import type { FrontLimits } from "./limits.ts";

/** Looks a window is divided into. */
const LOOKS = 10;

/**
 * Watches how fast a body comes: a silence as long as a window, or a window with too few bytes, and
 * its sender is given up. Time is counted in looks, not read from a clock, so that a process that
 * stood still does not take it for the sender's silence; nor does time count in which the body is
 * not being read, because the Worker lags behind.
 */
export class BodyPace {
  readonly #leastBytes: number;
  readonly #timer: NodeJS.Timeout;
  #isWaiting = false;
  #looks = 0;
  #silentLooks = 0;
  #bytes = 0;

  constructor(
    limits: Pick<FrontLimits, "bodyWindowMs" | "bodyWindowBytes">,
    onTooSlow: (why: string) => void,
  ) {
    this.#leastBytes = limits.bodyWindowBytes;
    this.#timer = setInterval(() => {
      const why = this.#look();
      if (why !== undefined) onTooSlow(why);
    }, limits.bodyWindowMs / LOOKS);
    this.#timer.unref();
  }

  received(bytes: number): void {
    this.#bytes += bytes;
    this.#silentLooks = 0;
  }

  /** The body is not read for a while. */
  pause(): void {
    this.#isWaiting = true;
  }

  resume(): void {
    this.#isWaiting = false;
    this.#beginWindow();
  }

  end(): void {
    clearInterval(this.#timer);
  }

  #beginWindow(): void {
    this.#looks = 0;
    this.#silentLooks = 0;
    this.#bytes = 0;
  }

  #look(): string | undefined {
    if (this.#isWaiting) return undefined;
    this.#looks++;
    this.#silentLooks++;
    if (this.#silentLooks >= LOOKS) return "nothing of the body came for too long";
    if (this.#looks < LOOKS) return undefined;
    if (this.#bytes < this.#leastBytes) return "the body came too slowly";
    this.#beginWindow();
    return undefined;
  }
}
