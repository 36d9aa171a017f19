import type { ParallelStage, Task } from "../plan/stage.ts";

type GeneratedFunction = (...values: number[]) => void;

/** A task with its functions looked up and the thread's scratch in place. */
type BoundTask = readonly {
  readonly run: GeneratedFunction;
  readonly values: readonly number[];
}[];

/** The generated functions over one memory, in one thread. */
export class Functions {
  readonly #memory: WebAssembly.Memory;
  readonly #functions: GeneratedFunction[] = [];

  constructor(memory: WebAssembly.Memory) {
    this.#memory = memory;
  }

  /** How many there are: the number the next one will have. */
  get count(): number {
    return this.#functions.length;
  }

  /** Adds functions in the order of their numbers. */
  add(modules: readonly WebAssembly.Module[]): void {
    for (const module of modules) {
      const { exports } = new WebAssembly.Instance(module, { env: { memory: this.#memory } });
      this.#functions.push(exports["run"] as GeneratedFunction);
    }
  }

  /** @param scratch address of memory that is this thread's alone. */
  bind(stages: readonly ParallelStage[], scratch: number): BoundTask[] {
    const bindTask = (task: Task): BoundTask =>
      task.map(([code, ...values]) => ({
        run: this.#functions[code]!,
        values: [scratch, ...values],
      }));
    return stages.flatMap((stage) => stage.map(bindTask));
  }
}

/** Runs one task. */
export function runTask(task: BoundTask): void {
  for (const { run, values } of task) run(...values);
}

export type { BoundTask };
