import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { CommandError } from "../../command-error.ts";
import { startGuard } from "../../coordinator/guard.ts";
import { markProcess } from "../../coordinator/running-process.ts";

export interface JoinProcess {
  readonly invite: string;
  readonly images: string;
  readonly label: string;
  readonly backend: string;
}

/** Headless participants, each a process of its own as on a machine of its own. */
export interface JoinedProcesses {
  /** Rejects as soon as one ends with a failure; resolves when all ended well. */
  readonly done: Promise<unknown>;
  /** Ends those that still run, and resolves when they have. */
  stop(): Promise<void>;
}

const LINES_KEPT = 12;

/** Starts `join` once for each participant. */
export function startJoins(participants: readonly JoinProcess[]): JoinedProcesses {
  const guard = startGuard();
  const children = participants.map(startJoin);
  for (const { child } of children) {
    const mark = child.pid === undefined ? undefined : markProcess(child.pid);
    if (mark !== undefined) guard.endAfter(mark);
  }
  const done = Promise.all(children.map(({ ended }) => ended));
  // Its failure is reported to whoever awaits it; nobody may, when something else fails first.
  done.catch(() => {});
  return {
    done,
    async stop() {
      await Promise.all(
        children.map(async ({ child, ended }) => {
          if (child.exitCode === null && child.signalCode === null) child.kill("SIGTERM");
          const impatience = setTimeout(() => child.kill("SIGKILL"), 5000);
          await ended.catch(() => {});
          clearTimeout(impatience);
        }),
      );
      await guard.release();
    },
  };
}

function startJoin({ invite, images, label, backend }: JoinProcess): {
  child: ChildProcess;
  ended: Promise<void>;
} {
  const child = spawn(
    process.execPath,
    [
      // Among them what lets an older Node 22 strip types.
      ...process.execArgv,
      fileURLToPath(new URL("../../scour.mjs", import.meta.url)),
      "join",
      invite,
      "--images",
      images,
      "--label",
      label,
      "--backend",
      backend,
    ],
    { stdio: ["ignore", "ignore", "pipe"] },
  );
  const lines: string[] = [];
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    lines.push(...text.split("\n").filter((line) => line !== ""));
    lines.splice(0, lines.length - LINES_KEPT);
  });
  const ended = once(child, "close").then(([code, signal]) => {
    if (code === 0) return;
    throw new CommandError(
      `participant '${label}' ended with ${code === null ? `signal ${String(signal)}` : `exit code ${String(code)}`}; its last words:\n${lines.join("\n")}`,
    );
  });
  ended.catch(() => {});
  return { child, ended };
}
