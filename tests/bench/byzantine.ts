/**
 * `npm run bench:byzantine`: what every combining rule makes of one round in which some are hostile. Nothing is
 * trained but the honest round, once. Options: --out, --backend, --threads.
 */
import { CommanderError } from "commander";
import { describeFailure } from "../../client/cli/describe-failure.ts";
import { stopSignal } from "../../client/cli/stop-signal.ts";
import { processTerminal } from "../../client/cli/show/terminal.ts";
import { byzantineCommand } from "./byzantine/command.ts";

const FAILED = 1;
const USAGE = 2;

const terminal = processTerminal();
const stop = stopSignal(terminal);
let code = 0;
try {
  await byzantineCommand({ terminal, stop }).parseAsync(process.argv.slice(2), { from: "user" });
} catch (error) {
  if (error instanceof CommanderError) {
    code = error.exitCode === 0 ? 0 : USAGE;
  } else if (stop.aborted) {
    terminal.note("Stopped; the same command goes on with the rows that are missing.");
    code = FAILED;
  } else {
    for (const line of describeFailure(error)) terminal.note(line);
    code = FAILED;
  }
}
// Node would wait for whatever a backend still holds open.
process.stdout.write("", () => process.exit(code));
