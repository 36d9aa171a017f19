import { isRunning, npmAncestors } from "./coordinator/running-process.ts";
import type { Terminal } from "./show/terminal.ts";

const WATCH_EVERY_MS = 500;

/**
 * Aborts when this process should finish: at Ctrl-C, SIGTERM, a closed terminal, or when the npm
 * that started it was killed outright. A second signal ends it on the spot.
 */
export function stopSignal(terminal: Terminal): AbortSignal {
  const controller = new AbortController();
  const onSignal = (signal: NodeJS.Signals): void => {
    if (controller.signal.aborted) process.exit(signal === "SIGINT" ? 130 : 143);
    controller.abort(new Error(`stopped by ${signal}`));
  };
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, onSignal);

  const ancestors = npmAncestors();
  if (ancestors.length > 0) {
    const watch = setInterval(() => {
      if (ancestors.every(isRunning)) return;
      clearInterval(watch);
      if (controller.signal.aborted) return;
      terminal.note("The npm that started this is gone; stopping.");
      controller.abort(new Error("npm is gone"));
    }, WATCH_EVERY_MS);
    watch.unref();
  }
  return controller.signal;
}
