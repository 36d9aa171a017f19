import type { ParallelStage } from "../plan/stage.ts";
import { Functions, runTask, type BoundTask } from "./task-runner.ts";
import { Tickets } from "./tickets.ts";

/** What the engine tells a thread. */
export type ThreadOrder =
  | {
      readonly kind: "open";
      readonly memory: WebAssembly.Memory;
      readonly tickets: SharedArrayBuffer;
    }
  | {
      readonly kind: "load";
      readonly program: number;
      readonly stages: readonly ParallelStage[];
      /** Functions that the thread does not have yet. */
      readonly modules: readonly WebAssembly.Module[];
      readonly scratch: number;
    }
  | { readonly kind: "unload"; readonly program: number }
  | { readonly kind: "run"; readonly program: number; readonly tag: number };

/** What a thread tells the engine. */
export type ThreadReport =
  | { readonly kind: "ready" }
  | { readonly kind: "failed"; readonly message: string };

/** The work of a thread: feed it orders, whatever brings them. */
export function threadWork(report: (report: ThreadReport) => void): (order: ThreadOrder) => void {
  const programs = new Map<number, readonly BoundTask[]>();
  let functions: Functions;
  let tickets: Tickets | undefined;
  const obey = (order: ThreadOrder): void => {
    switch (order.kind) {
      case "open":
        functions = new Functions(order.memory);
        tickets = new Tickets(order.tickets);
        report({ kind: "ready" });
        return;
      case "load":
        functions.add(order.modules);
        programs.set(order.program, functions.bind(order.stages, order.scratch));
        return;
      case "unload":
        programs.delete(order.program);
        return;
      case "run":
        takeTasks(tickets!, order.tag, programs.get(order.program)!);
        return;
      default:
        order satisfies never;
    }
  };
  return (order) => {
    try {
      obey(order);
    } catch (error) {
      tickets?.fail();
      report({ kind: "failed", message: String(error) });
    }
  };
}

function takeTasks(tickets: Tickets, tag: number, tasks: readonly BoundTask[]): void {
  for (;;) {
    const next = tickets.take(tag);
    if (next === "over") return;
    if (next === "none") {
      tickets.awaitStage(tag);
      continue;
    }
    try {
      runTask(tasks[next]!);
    } catch (error) {
      tickets.fail();
      throw error;
    } finally {
      // Failed or not, nobody needs to wait for it any longer.
      tickets.finish();
    }
  }
}
