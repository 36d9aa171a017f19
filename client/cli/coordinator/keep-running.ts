import { createConnection } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import type { WorkersRuntime } from "./workers-runtime.ts";

const WATCH_EVERY_MS = 1000;
const RESTART_WINDOW_MS = 60_000;
const RESTARTS_IN_WINDOW = 5;
const LONGEST_PAUSE_MS = 30_000;

/**
 * Starts a runtime and, whenever it is gone by itself, starts it again on the same socket. Miniflare
 * does that at once and once; what keeps ending, or cannot start, is tried again with growing pauses.
 *
 * @param socketPath UNIX socket that it listens on while it runs.
 * @param start takes what to call after Miniflare's own restart.
 * @param wake called after every start.
 */
export async function keepRunning(
  socketPath: string,
  start: (onRestart: () => void) => Promise<WorkersRuntime>,
  wake: () => Promise<void>,
  report: (line: string) => void,
): Promise<WorkersRuntime> {
  const stopping = new AbortController();
  const restarts: number[] = [];
  let recovering: Promise<void> | undefined;
  let runtime: WorkersRuntime;

  const afterRestart = (): void => {
    report(
      "The Workers runtime had ended and was started again; campaigns go on from their stored state.",
    );
    const now = Date.now();
    restarts.push(now);
    while (restarts[0]! < now - RESTART_WINDOW_MS) restarts.shift();
    if (restarts.length > RESTARTS_IN_WINDOW) recover("it ended again and again");
    else void wake();
  };

  const recover = (why: string): void => {
    if (stopping.signal.aborted) return;
    recovering ??= replace(why).finally(() => {
      recovering = undefined;
    });
  };

  const replace = async (why: string): Promise<void> => {
    await runtime.dispose().catch(() => {});
    for (let attempt = 0; !stopping.signal.aborted; attempt++) {
      const pauseMs = Math.min(LONGEST_PAUSE_MS, 500 * 2 ** attempt);
      report(`The Workers runtime is down (${why}); starting it anew in ${pauseMs / 1000} s.`);
      await delay(pauseMs, undefined, { signal: stopping.signal }).catch(() => {});
      if (stopping.signal.aborted) return;
      try {
        runtime = await start(afterRestart);
        restarts.length = 0;
        report("The Workers runtime is up again.");
        await wake();
        return;
      } catch (error) {
        why = (error as Error).message;
      }
    }
  };

  runtime = await start(afterRestart);
  await wake();
  let refusals = 0;
  const look = async (): Promise<void> => {
    if (recovering !== undefined) return;
    refusals = (await isListening(socketPath)) ? 0 : refusals + 1;
    // Miniflare's own restart takes less than three seconds.
    if (refusals <= 3) return;
    refusals = 0;
    recover("it does not listen");
  };
  const watch = setInterval(() => void look(), WATCH_EVERY_MS);

  return {
    async dispose() {
      stopping.abort();
      clearInterval(watch);
      await recovering;
      await runtime.dispose();
    },
  };
}

/** Whether something accepts connections there; a slow answer counts as yes. */
async function isListening(socketPath: string): Promise<boolean> {
  return await new Promise((resolve) => {
    const socket = createConnection(socketPath);
    const settle = (listening: boolean): void => {
      socket.destroy();
      resolve(listening);
    };
    socket.once("connect", () => settle(true));
    socket.once("error", ({ code }: NodeJS.ErrnoException) =>
      settle(code !== "ECONNREFUSED" && code !== "ENOENT"),
    );
    socket.setTimeout(WATCH_EVERY_MS, () => settle(true));
  });
}
