/**
 * `npm run bench:depth`: how deep a backdoor was removed from a model: whether a few stamped images bring it
 * back, and how much of it there is on the way back to the teacher, beside a clean model treated alike.
 */
import { CommanderError } from "commander";
import { describeFailure } from "../../client/cli/describe-failure.ts";
import { stopSignal } from "../../client/cli/stop-signal.ts";
import { processTerminal } from "../../client/cli/show/terminal.ts";
import { depthCommand } from "./depth/command.ts";

const FAILED = 1;
const USAGE = 2;

const terminal = processTerminal();
const stop = stopSignal(terminal);
let code = 0;
try {
  const command = depthCommand({ terminal, stop });
  await command.parseAsync(process.argv.slice(2), { from: "user" });
} catch (error) {
  if (error instanceof CommanderError) {
    code = error.exitCode === 0 ? 0 : USAGE;
  } else if (stop.aborted) {
    terminal.note("Stopped.");
    code = FAILED;
  } else {
    for (const line of describeFailure(error)) terminal.note(line);
    code = FAILED;
  }
}
// Node would wait for whatever a backend or a socket still holds open.
process.stdout.write("", () => process.exit(code));
