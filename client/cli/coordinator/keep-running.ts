import { createConnection } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import type { WorkersRuntime } from "./workers-runtime.ts";

const WATCH_EVERY_MS = 1000;
const RESTART_WINDOW_MS = 60_000;
const RESTARTS_IN_WINDOW = 5;
const LONGEST_PAUSE_MS = 30_000;

/**
 * Starts a runtime and, whenever it is gone by itself, starts it again on the same port. Miniflare
 * does that at once and once; what keeps ending, or cannot start, is tried again with growing pauses.
 *
 * @param start takes what to call after Miniflare's own restart, and the port to come back on.
 * @param wake called after every start.
 */
export async function keepRunning(
  start: (onRestart: () => void, samePort?: number) => Promise<WorkersRuntime>,
  wake: (url: URL) => Promise<void>,
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
    else void wake(runtime.url);
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
        runtime = await start(afterRestart, Number(runtime.url.port));
        restarts.length = 0;
        report("The Workers runtime is up again.");
        await wake(runtime.url);
        return;
      } catch (error) {
        why = (error as Error).message;
      }
    }
  };

  runtime = await start(afterRestart);
  await wake(runtime.url);
  let refusals = 0;
  const look = async (): Promise<void> => {
    if (recovering !== undefined) return;
    refusals = (await isListening(runtime.url)) ? 0 : refusals + 1;
    // Miniflare's own restart takes less than three seconds.
    if (refusals <= 3) return;
    refusals = 0;
    recover("its port is closed");
  };
  const watch = setInterval(() => void look(), WATCH_EVERY_MS);

  return {
    url: runtime.url,
    async dispose() {
      stopping.abort();
      clearInterval(watch);
      await recovering;
      await runtime.dispose();
    },
  };
}

/** Whether something accepts connections there; a slow answer counts as yes. */
async function isListening(url: URL): Promise<boolean> {
  return await new Promise((resolve) => {
    const socket = createConnection({ host: url.hostname, port: Number(url.port) });
    const settle = (listening: boolean): void => {
      socket.destroy();
      resolve(listening);
    };
    socket.once("connect", () => settle(true));
    socket.once("error", (error: NodeJS.ErrnoException) => settle(error.code !== "ECONNREFUSED"));
    socket.setTimeout(WATCH_EVERY_MS, () => settle(true));
  });
}
