import { EngineError } from "../../engine-error.ts";
import type { EngineThread, ThreadStarter } from "../../environment.ts";
import type { CodeLibrary } from "../code/code-library.ts";
import type { Block, Heap } from "./heap.ts";
import type { ParallelStage } from "../plan/stage.ts";
import { Functions, runTask, type BoundTask } from "./task-runner.ts";
import type { ThreadOrder, ThreadReport } from "./thread.ts";
import { MOST_TASKS, Tickets } from "./tickets.ts";

/** A thread that finishes no task for so long is gone. */
const PATIENCE_MS = 60_000;

/** Parallel stages that the team can run again and again. */
export interface LoadedProgram {
  readonly number: number;
  readonly stages: readonly ParallelStage[];
  readonly tasks: readonly BoundTask[];
}

/**
 * The calling thread and its helpers. All of them work on the open stage; the calling thread alone
 * goes from stage to stage, and never waits for a helper that has not begun.
 */
export class Team {
  readonly #heap: Heap;
  readonly #library: CodeLibrary;
  readonly #functions: Functions;
  readonly #helpers: readonly EngineThread[];
  readonly #tickets: Tickets | undefined;
  readonly #scratch: Block[] = [];
  /** Functions the helpers know. */
  #posted = 0;
  #programs = 0;
  #failure: EngineError | undefined;

  private constructor(heap: Heap, library: CodeLibrary, helpers: readonly EngineThread[]) {
    this.#heap = heap;
    this.#library = library;
    this.#functions = new Functions(heap.memory);
    this.#helpers = helpers;
    if (helpers.length > 0) this.#tickets = new Tickets();
  }

  /**
   * Starts helpers and waits until they are there.
   *
   * @throws Error when one cannot be started.
   */
  static async start(
    heap: Heap,
    library: CodeLibrary,
    starter: ThreadStarter | undefined,
    threads: number,
  ): Promise<Team> {
    const helpers: EngineThread[] = [];
    try {
      for (let i = 1; i < threads; i++) helpers.push(starter!.start());
      const team = new Team(heap, library, helpers);
      await Promise.all(helpers.map((helper) => team.#open(helper)));
      return team;
    } catch (error) {
      for (const helper of helpers) helper.stop();
      throw error;
    }
  }

  /** Calling thread included. */
  get threads(): number {
    return this.#helpers.length + 1;
  }

  /**
   * Makes stages ready to be run.
   *
   * @param scratchBytes what each thread needs for itself.
   */
  load(stages: readonly ParallelStage[], scratchBytes: number): LoadedProgram {
    const count = stages.reduce((sum, stage) => sum + stage.length, 0);
    if (count > MOST_TASKS) {
      throw new EngineError(
        "invalid-input",
        `a batch of ${count} tasks, ${MOST_TASKS} at most; use a smaller batch`,
      );
    }
    const scratch = Array.from({ length: this.threads }, (_, i) =>
      this.#scratchOf(i, scratchBytes),
    );
    this.#functions.add(this.#library.modules.slice(this.#functions.count));
    const number = this.#programs++;
    const modules = this.#library.modules.slice(this.#posted);
    this.#helpers.forEach((helper, i) => {
      this.#post(helper, {
        kind: "load",
        program: number,
        stages,
        modules,
        scratch: scratch[i + 1]!,
      });
    });
    this.#posted = this.#library.modules.length;
    return { number, stages, tasks: this.#functions.bind(stages, scratch[0]!) };
  }

  unload({ number }: LoadedProgram): void {
    for (const helper of this.#helpers) this.#post(helper, { kind: "unload", program: number });
  }

  /**
   * Runs a program.
   *
   * @param between what the calling thread does: it calls `runStages` until all stages have run, in
   *   order, and between them works by itself.
   * @throws EngineError `device-failed` when a thread failed or is gone.
   */
  run(program: LoadedProgram, between: (runStages: (count: number) => void) => void): void {
    this.#requireWorking();
    const tickets = this.#tickets;
    const tag = tickets?.begin() ?? 0;
    for (const helper of this.#helpers) {
      this.#post(helper, { kind: "run", program: program.number, tag });
    }
    let stage = 0;
    let task = 0;
    try {
      between((count) => {
        for (let i = 0; i < count; i++) {
          const { length } = program.stages[stage++]!;
          if (tickets) this.#share(tickets, tag, program, length);
          else for (let j = 0; j < length; j++) runTask(program.tasks[task + j]!);
          task += length;
        }
      });
    } finally {
      tickets?.end();
    }
  }

  stop(): void {
    for (const helper of this.#helpers) helper.stop();
    this.#failure ??= new EngineError("closed", "this engine was closed");
  }

  #share(tickets: Tickets, tag: number, { tasks }: LoadedProgram, count: number): void {
    tickets.open(count);
    for (;;) {
      const next = tickets.take(tag);
      if (typeof next !== "number") break;
      runTask(tasks[next]!);
      tickets.finish();
    }
    if (!tickets.awaitDone(PATIENCE_MS)) {
      this.#failure ??= failure(`a thread did not answer for ${PATIENCE_MS / 1000} s`);
    } else if (tickets.failed) {
      this.#failure ??= failure("a task failed in another thread");
    }
    this.#requireWorking();
  }

  #requireWorking(): void {
    if (this.#failure) throw this.#failure;
  }

  #open(helper: EngineThread): Promise<void> {
    return new Promise((resolve, reject) => {
      helper.listen(
        (message) => {
          const report = message as ThreadReport;
          if (report.kind === "ready") resolve();
          else this.#failure ??= failure(report.message);
        },
        (reason) => {
          this.#failure ??= failure(reason);
          reject(new Error(reason));
        },
      );
      const { memory } = this.#heap;
      this.#post(helper, { kind: "open", memory, tickets: this.#tickets!.buffer });
    });
  }

  #post(helper: EngineThread, order: ThreadOrder): void {
    helper.post(order);
  }

  /** Address of a thread's scratch. A block that was too small stays: programs know its address. */
  #scratchOf(thread: number, bytes: number): number {
    const block = this.#scratch[thread];
    if (block && block.bytes >= bytes) return block.address;
    const larger = this.#heap.allocate(bytes);
    this.#scratch[thread] = larger;
    return larger.address;
  }
}

function failure(reason: string): EngineError {
  return new EngineError(
    "device-failed",
    `a thread of the WebAssembly engine failed: ${reason}; open the engine again`,
  );
}
