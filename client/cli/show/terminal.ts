import { printableJson, printableLines } from "../../../protocol/text.ts";

/**
 * Where a command's words go: results to standard output, everything else to standard error, so that
 * a result can be piped on. What strangers wrote is in them: nothing gets through that moves a cursor
 * or turns text around (SPEC P8).
 */
export interface Terminal {
  /** Prints the command's result: one JSON document, or `text()` for people. */
  result(value: unknown, json: boolean | undefined, text: () => string): void;
  /** Says something beside the result. */
  note(line: string): void;
  /** A live display on standard error: each call replaces the last, where that is a terminal. */
  readonly live: boolean;
  redraw(lines: readonly string[]): void;
}

/** The terminal of this process. */
export function processTerminal(): Terminal {
  let drawn = 0;
  const live = process.stderr.isTTY === true;
  return {
    live,
    result(value, json, text) {
      process.stdout.write(
        json === true ? `${printableJson(value)}\n` : `${printableLines(text())}\n`,
      );
    },
    note(line) {
      drawn = 0;
      process.stderr.write(`${printableLines(line)}\n`);
    },
    redraw(lines) {
      const up = live && drawn > 0 ? `\u001b[${drawn}A\u001b[0J` : "";
      drawn = lines.length;
      process.stderr.write(up + lines.map((line) => `${printableLines(line)}\n`).join(""));
    },
  };
}
