/** Work a real GPU and one emulated on the CPU surely do in a millisecond; to begin with. */
const FIRST_RATE = { hardware: 5e8, software: 2e5 } as const;

/** Share of a new measurement in the rate. */
const NEWS = 0.5;

/**
 * Cuts a step into submits of a bounded time, so that neither a visible page freezes nor the
 * system's watchdog takes the device away. Times are estimated by measured work per millisecond.
 */
export class Pace {
  readonly #budgetMs: number;
  /** Work per millisecond. */
  #rate: number;

  constructor(budgetMs: number, software: boolean) {
    this.#budgetMs = budgetMs;
    this.#rate = software ? FIRST_RATE.software : FIRST_RATE.hardware;
  }

  /** Learns from work that took `ms`. */
  measured(work: number, ms: number): void {
    const rate = work / Math.max(ms, 0.1);
    this.#rate += NEWS * (rate - this.#rate);
  }

  /**
   * Ends of runs of consecutive dispatches that fit the budget; a dispatch that does not fit by
   * itself is a run.
   *
   * @param costs work of each dispatch
   */
  cut(costs: readonly number[]): number[] {
    const most = this.#budgetMs * this.#rate;
    const ends: number[] = [];
    let sum = 0;
    costs.forEach((cost, index) => {
      if (sum > 0 && sum + cost > most) {
        ends.push(index);
        sum = 0;
      }
      sum += cost;
    });
    return [...ends, costs.length];
  }
}
