/**
 * How threads share the tasks of a program without talking: one counter that all take their next
 * task from, one that says how far tasks may be taken (the end of the open stage), one of tasks
 * done. The first two carry the run's tag, so that a thread that wakes late can take nothing of a
 * run it does not know.
 */

const LINE = 16;
const NEXT = 0;
const LIMIT = LINE;
const DONE = 2 * LINE;
const FAILED = 3 * LINE;
const WORDS = 4 * LINE;

const TASK_BITS = 20;
const TASK_MASK = (1 << TASK_BITS) - 1;
const TAGS = 2047;

/** Tasks a program may have. */
export const MOST_TASKS = TASK_MASK;

/** Looks this often before it lets the operating system wake it: about 20 µs. */
const SPINS = 1000;

/** Wakes at least this often to see whether the others are still there. */
const NAP_MS = 100;

export class Tickets {
  readonly buffer: SharedArrayBuffer;
  readonly #words: Int32Array;
  #tag = 0;
  #end = 0;

  constructor(buffer = new SharedArrayBuffer(WORDS * Int32Array.BYTES_PER_ELEMENT)) {
    this.buffer = buffer;
    this.#words = new Int32Array(buffer);
  }

  /** Begins a run, with nothing to take yet; returns its tag. */
  begin(): number {
    this.#tag = (this.#tag % TAGS) + 1;
    this.#end = 0;
    Atomics.store(this.#words, DONE, 0);
    Atomics.store(this.#words, NEXT, this.#tag << TASK_BITS);
    // A thread that is quicker than the first stage must see that the run has begun.
    Atomics.store(this.#words, LIMIT, this.#tag << TASK_BITS);
    return this.#tag;
  }

  /** Lets threads take the next `tasks` tasks. */
  open(tasks: number): void {
    this.#end += tasks;
    Atomics.store(this.#words, LIMIT, (this.#tag << TASK_BITS) | this.#end);
    if (tasks > 1) Atomics.notify(this.#words, LIMIT);
  }

  /** Ends the run: threads leave it. */
  end(): void {
    Atomics.store(this.#words, LIMIT, 0);
    Atomics.notify(this.#words, LIMIT);
  }

  /** The next task of the open stage, or why there is none. */
  take(tag: number): number | "none" | "over" {
    for (;;) {
      const limit = Atomics.load(this.#words, LIMIT);
      const next = Atomics.load(this.#words, NEXT);
      if (limit >>> TASK_BITS !== tag || next >>> TASK_BITS !== tag) return "over";
      if (next >= limit) return "none";
      const found = Atomics.compareExchange(this.#words, NEXT, next, next + 1);
      if (found === next) return next & TASK_MASK;
    }
  }

  /** Tells that a task is done. */
  finish(): void {
    const done = Atomics.add(this.#words, DONE, 1) + 1;
    if (done === (Atomics.load(this.#words, LIMIT) & TASK_MASK)) {
      Atomics.notify(this.#words, DONE);
    }
  }

  /** Tells that a task failed; what the run gives is worth nothing. */
  fail(): void {
    Atomics.store(this.#words, FAILED, 1);
  }

  get failed(): boolean {
    return Atomics.load(this.#words, FAILED) !== 0;
  }

  /** For a thread that found nothing to take: waits for another stage or the run's end. */
  awaitStage(tag: number): void {
    for (let spin = 0; spin < SPINS; spin++) {
      if (this.#stageChanged(tag)) return;
    }
    const limit = Atomics.load(this.#words, LIMIT);
    if (limit >>> TASK_BITS !== tag) return;
    if (Atomics.load(this.#words, NEXT) < limit) return;
    Atomics.wait(this.#words, LIMIT, limit, NAP_MS);
  }

  /**
   * Waits until all tasks so far are done.
   *
   * @returns false when none was finished for `patienceMs`.
   */
  awaitDone(patienceMs: number): boolean {
    for (let spin = 0; spin < SPINS; spin++) {
      if (Atomics.load(this.#words, DONE) === this.#end) return true;
    }
    let last = -1;
    let since = performance.now();
    for (;;) {
      const done = Atomics.load(this.#words, DONE);
      if (done === this.#end) return true;
      if (done !== last) {
        last = done;
        since = performance.now();
      } else if (performance.now() - since > patienceMs) {
        return false;
      }
      Atomics.wait(this.#words, DONE, done, NAP_MS);
    }
  }

  #stageChanged(tag: number): boolean {
    const limit = Atomics.load(this.#words, LIMIT);
    return limit >>> TASK_BITS !== tag || Atomics.load(this.#words, NEXT) < limit;
  }
}
