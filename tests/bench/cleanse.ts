/**
 * `npm run bench:cleanse`: how well strategies cleanse teachers, each run a whole campaign in one
 * process as `scour simulate` runs it. One JSON line a run; what is in the file is not run again.
 *
 * `npm run bench:cleanse -- render results.jsonl --out docs/results` makes tables and a page of it.
 */
import { CommanderError } from "commander";
import { OptionError } from "../../client/cli/option-error.ts";
import { describeFailure } from "../../client/cli/describe-failure.ts";
import { stopSignal } from "../../client/cli/stop-signal.ts";
import { processTerminal } from "../../client/cli/show/terminal.ts";
import { cleanseCommand } from "./cleanse/command.ts";

const FAILED = 1;
const USAGE = 2;

const terminal = processTerminal();
const stop = stopSignal(terminal);
let code = 0;
try {
  await cleanseCommand({
    terminal,
    stop,
    onFailedRuns: () => (code = FAILED),
  }).parseAsync(process.argv.slice(2), { from: "user" });
} catch (error) {
  if (error instanceof CommanderError) {
    code = error.exitCode === 0 ? 0 : USAGE;
  } else if (stop.aborted) {
    terminal.note("Stopped; the same command goes on with the runs that are missing.");
    code = FAILED;
  } else {
    for (const line of describeFailure(error)) terminal.note(line);
    code = error instanceof OptionError ? USAGE : FAILED;
  }
}
// Node would wait for whatever a backend or a socket still holds open.
process.stdout.write("", () => process.exit(code));
