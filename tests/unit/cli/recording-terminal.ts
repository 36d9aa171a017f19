import { runCommandLine } from "../../../client/cli/main.ts";
import type { Terminal } from "../../../client/cli/show/terminal.ts";

export interface Outcome {
  readonly code: number;
  readonly results: readonly { readonly value: unknown; readonly text: string }[];
  readonly notes: readonly string[];
}

/** Runs a command line in this process and keeps what it says. */
export async function runRecorded(...args: string[]): Promise<Outcome> {
  const results: { value: unknown; text: string }[] = [];
  const notes: string[] = [];
  const terminal: Terminal = {
    live: false,
    result: (value, json, text) =>
      void results.push({ value, text: json === true ? JSON.stringify(value) : text() }),
    note: (line) => void notes.push(line),
    redraw: (lines) => void notes.push(...lines),
  };
  const code = await runCommandLine(args, { terminal, stop: new AbortController().signal });
  return { code, results, notes };
}

/** Where nobody listens. */
export const silentTerminal: Terminal = {
  live: false,
  result: () => {},
  note: () => {},
  redraw: () => {},
};
