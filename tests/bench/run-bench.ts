import { CommanderError, type Command } from "commander";
import type { CommandContext } from "../../client/cli/command-context.ts";
import { describeFailure } from "../../client/cli/describe-failure.ts";
import { OptionError } from "../../client/cli/option-error.ts";
import { processTerminal } from "../../client/cli/show/terminal.ts";
import { stopSignal } from "../../client/cli/stop-signal.ts";

const FAILED = 1;
const USAGE = 2;

export interface BenchContext extends CommandContext {
  /** Told that a part failed; the others are done all the same. */
  readonly onFailedPart: () => void;
}

/**
 * Runs a bench's command line and ends the process: 0, 1 where something of it failed or it was stopped,
 * 2 where it was called wrongly.
 *
 * @param stopped what is said after Ctrl-C
 */
export async function runBench(
  commandOf: (context: BenchContext) => Command,
  stopped: string,
): Promise<void> {
  const terminal = processTerminal();
  const stop = stopSignal(terminal);
  let code = 0;
  try {
    const command = commandOf({ terminal, stop, onFailedPart: () => (code = FAILED) });
    await command.parseAsync(process.argv.slice(2), { from: "user" });
  } catch (error) {
    if (error instanceof CommanderError) {
      code = error.exitCode === 0 ? 0 : USAGE;
    } else if (stop.aborted) {
      terminal.note(stopped);
      code = FAILED;
    } else {
      for (const line of describeFailure(error)) terminal.note(line);
      code = error instanceof OptionError ? USAGE : FAILED;
    }
  }
  // Node would wait for whatever a backend or a socket still holds open.
  process.stdout.write("", () => process.exit(code));
}
