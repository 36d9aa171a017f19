/**
 * How long a row of runs will take: estimates made beforehand, corrected by how long the runs done so
 * far really took.
 *
 * @example
 * const forecast = new Forecast([60, 120]);
 * forecast.finish(30);
 * forecast.remaining(0); // 60 seconds
 */
export class Forecast {
  readonly #estimates: readonly number[];
  #finished = 0;
  #estimated = 0;
  #taken = 0;

  /** @param estimates seconds, by run */
  constructor(estimates: readonly number[]) {
    this.#estimates = estimates;
  }

  /** The run at hand is over, after so many seconds. */
  finish(seconds: number): void {
    this.#estimated += this.#estimates[this.#finished] ?? 0;
    this.#taken += seconds;
    this.#finished++;
  }

  /** The run at hand failed: how soon says nothing of how long the others take. */
  skip(): void {
    this.#finished++;
  }

  /** Seconds that the run at hand will take in all. */
  current(): number {
    return this.#factor * (this.#estimates[this.#finished] ?? 0);
  }

  /** Seconds until all runs are done, the one at hand having run for so many. */
  remaining(elapsed: number): number {
    const later = this.#estimates.slice(this.#finished + 1).reduce((sum, next) => sum + next, 0);
    return Math.max(0, this.current() - elapsed) + this.#factor * later;
  }

  get #factor(): number {
    return this.#estimated === 0 ? 1 : this.#taken / this.#estimated;
  }
}
