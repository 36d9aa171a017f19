import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import type { ProcessMark } from "./running-process.ts";
import type { Charge } from "./watchdog.ts";

/** Ends processes and removes folders when this process is gone, even by SIGKILL. */
export interface Guard {
  /** Ends this process after us. */
  endAfter(mark: ProcessMark): void;
  /** Removes this folder after us. */
  removeAfter(folder: string): void;
  /** Lets the watchdog do its work now; resolves when it has. */
  release(): Promise<void>;
}

/**
 * Starts a watchdog process that waits for the end of ours.
 *
 * @example
 * const guard = startGuard();
 * guard.removeAfter(temporaryFolder);
 */
export function startGuard(): Guard {
  const watchdog = spawn(
    process.execPath,
    [
      "--disable-warning=ExperimentalWarning",
      "--experimental-strip-types",
      fileURLToPath(new URL("watchdog.ts", import.meta.url)),
    ],
    // A session of its own: signals to our process group must not take it along.
    { detached: true, stdio: ["pipe", "ignore", "ignore"] },
  );
  const ended = new Promise<void>((resolve) => {
    watchdog.once("exit", () => resolve());
    watchdog.once("error", () => resolve());
  });
  watchdog.unref();
  const input = watchdog.stdin;
  // A watchdog that somebody ended must not take the coordinator down with a broken pipe.
  input.on("error", () => {});
  const take = (charge: Charge): void => {
    input.write(`${JSON.stringify(charge)}\n`);
  };
  return {
    endAfter: (mark) => take({ type: "process", mark }),
    removeAfter: (path) => take({ type: "folder", path }),
    async release() {
      watchdog.ref();
      input.end();
      await ended;
    },
  };
}
