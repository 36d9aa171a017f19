import type { EpochRecord, Recipe } from "../../../attack/recipe.ts";
import type { EpochProgress } from "../../../attack/supervised-training.ts";
import type { Terminal } from "../../show/terminal.ts";
import { decimal, durationText, percent } from "../../../text/numbers-text.ts";

/** Without a live display, a line this often, so that a log tells that it goes on. */
const NOTE_EVERY_MS = 30_000;

/** Tells on the terminal how a training goes. */
export class AttackProgress {
  readonly #terminal: Terminal;
  readonly #training: Recipe["training"];
  readonly #stepsPerEpoch: number;
  #noted = performance.now();

  constructor(terminal: Terminal, training: Recipe["training"], stepsPerEpoch: number) {
    this.#terminal = terminal;
    this.#training = training;
    this.#stepsPerEpoch = stepsPerEpoch;
  }

  /** Within an epoch. */
  step(progress: EpochProgress): void {
    const done = percent(progress.steps / this.#stepsPerEpoch);
    const text = `${this.#name(progress)}, ${done}: ${this.#figures(progress)}`;
    if (this.#terminal.live) this.#terminal.redraw([text]);
    else if (performance.now() - this.#noted >= NOTE_EVERY_MS) this.#note(text);
  }

  /** At its end. */
  epoch({ test }: EpochRecord, progress: EpochProgress): void {
    const judged =
      test === undefined
        ? ""
        : `; ACC ${percent(test.acc)}, ASR ${percent(test.asr)}, RA ${percent(test.ra)}`;
    if (this.#terminal.live) this.#terminal.redraw([]);
    this.#note(`${this.#name(progress)}: ${this.#figures(progress)}${judged}`);
  }

  #note(text: string): void {
    this.#terminal.note(text);
    this.#noted = performance.now();
  }

  #name({ epoch }: EpochProgress): string {
    const { epochs } = this.#training;
    return `epoch ${String(epoch + 1).padStart(String(epochs).length)} of ${epochs}`;
  }

  #figures({ epoch, steps, loss, accuracy, imagesPerSecond }: EpochProgress): string {
    const { epochs, batchSize } = this.#training;
    const stepsLeft = (epochs - epoch) * this.#stepsPerEpoch - steps;
    const left =
      stepsLeft === 0 ? "" : `, ${durationText((stepsLeft * batchSize) / imagesPerSecond)} left`;
    return `loss ${decimal(loss)}, accuracy ${percent(accuracy)}, ${imagesPerSecond.toFixed(0)} images/s${left}`;
  }
}
