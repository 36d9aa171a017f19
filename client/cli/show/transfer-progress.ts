import { bytesText, durationText } from "../../text/numbers-text.ts";
import type { Terminal } from "./terminal.ts";

/** How often a line is said where nothing can be drawn over, and drawn where it can, ms. */
const LINE_EVERY_MS = 10_000;
const DRAW_EVERY_MS = 200;

/** Says how far a transfer is, and how long the rest will take at the speed so far. */
export class TransferProgress {
  readonly #terminal: Terminal;
  readonly #what: string;
  readonly #now: () => number;
  readonly #beganAt: number;
  #saidAt: number;
  #first: number | undefined;

  /** @param what such as "Uploading model.safetensors" */
  constructor(terminal: Terminal, what: string, now: () => number = () => performance.now()) {
    this.#terminal = terminal;
    this.#what = what;
    this.#now = now;
    this.#beganAt = now();
    this.#saidAt = this.#beganAt;
  }

  /** @param total undefined where nobody knows it */
  update(done: number, total: number | undefined): void {
    const { live } = this.#terminal;
    // What was there before says nothing of the speed.
    this.#first ??= done;
    const now = this.#now();
    const isEnd = done === total;
    if (!isEnd && now - this.#saidAt < (live ? DRAW_EVERY_MS : LINE_EVERY_MS)) return;
    this.#saidAt = now;
    const line = `${this.#what}: ${this.#text(done, total, (now - this.#beganAt) / 1000)}`;
    if (live) this.#terminal.redraw([line]);
    else if (!isEnd) this.#terminal.note(line);
  }

  #text(done: number, total: number | undefined, seconds: number): string {
    if (total === undefined) return bytesText(done);
    const moved = done - (this.#first ?? 0);
    const left = moved > 0 ? ((total - done) * seconds) / moved : undefined;
    const share = `${bytesText(done)} of ${bytesText(total)}`;
    return left === undefined || done === total ? share : `${share}, ${durationText(left)} left`;
  }
}
