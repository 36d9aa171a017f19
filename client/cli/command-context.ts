import type { Terminal } from "./show/terminal.ts";

/** What every command is given. */
export interface CommandContext {
  readonly terminal: Terminal;
  /** Aborts at the first Ctrl-C or SIGTERM, or when the npm that started us is gone. */
  readonly stop: AbortSignal;
}
