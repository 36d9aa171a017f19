import { Command, CommanderError } from "commander";
import { CommandError } from "./command-error.ts";
import { OptionError } from "./options/campaign-options.ts";
import type { CommandContext } from "./command-context.ts";
import { administratorCommand } from "./commands/administrator.ts";
import { auditCommand } from "./commands/audit.ts";
import { attackCommand } from "./commands/attack/attack.ts";
import { checkCommand } from "./commands/check/check.ts";
import { campaignCommand } from "./commands/campaign/campaign.ts";
import { demoCommand } from "./commands/demo/demo.ts";
import { evaluateCommand } from "./commands/evaluate.ts";
import { inviteCommand } from "./commands/invite.ts";
import { joinCommand } from "./commands/join.ts";
import { privacyCommand } from "./commands/privacy.ts";
import { rotateKeysCommand } from "./commands/rotate-keys.ts";
import { serveCommand } from "./commands/serve.ts";
import { simulateCommand } from "./commands/simulate/simulate.ts";
import { watchCommand } from "./commands/watch.ts";
import { ExitCode } from "./exit-code.ts";
import { describeFailure } from "./describe-failure.ts";
import { stopSignal } from "./stop-signal.ts";
import { processTerminal } from "./show/terminal.ts";

/** Exit codes: 0 done, 1 failed with a message, 2 called wrongly; others are a command's own. */
const FAILED = 1;
const USAGE = 2;

/** The command line, ready to parse. */
export function commandLine(context: CommandContext): Command {
  const program = new Command("scour")
    .description("Removes backdoors from an image classifier with unlabelled images of volunteers.")
    .addHelpText(
      "after",
      `
Example, each line in a terminal of its own:
  $ npm run scour -- serve
  $ npm run scour -- campaign create --model teacher.safetensors --mean .4914,.4822,.4465 --std .2470,.2435,.2616 --start
  $ npm run scour -- invite c-… --count 4
  $ npm run scour -- join 'http://127.0.0.1:8787/join/c-…#…' --images my-pictures/
  $ npm run scour -- watch c-…

A round waits for four participants (--goal), or at its deadline for two (--minimum): start as many.
Where all images lie on one machine, simulate does all of it.`,
    );
  for (const command of [
    checkCommand(context),
    serveCommand(context),
    rotateKeysCommand(context),
    campaignCommand(context),
    inviteCommand(context),
    administratorCommand(context),
    auditCommand(context),
    joinCommand(context),
    watchCommand(context),
    evaluateCommand(context),
    privacyCommand(context),
    simulateCommand(context),
    demoCommand(context),
    attackCommand(context),
  ]) {
    program.addCommand(command);
  }
  eachCommand(program, (command) => {
    command.exitOverride().showHelpAfterError("(--help shows the options and an example)");
    command.configureOutput({ outputError: (text, write) => write(text) });
  });
  return program;
}

function eachCommand(command: Command, visit: (command: Command) => void): void {
  visit(command);
  for (const child of command.commands) eachCommand(child, visit);
}

/**
 * Runs one command line.
 *
 * @param args without the program's name.
 * @returns the exit code.
 */
export async function runCommandLine(
  args: readonly string[],
  context: CommandContext,
): Promise<number> {
  try {
    await commandLine(context).parseAsync(args, { from: "user" });
    return 0;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : USAGE;
    if (error instanceof ExitCode) return error.code;
    if (context.stop.aborted && error === context.stop.reason) {
      context.terminal.note(error instanceof Error ? error.message : String(error));
      return FAILED;
    }
    for (const line of describeFailure(error)) context.terminal.note(line);
    if (error instanceof OptionError) return USAGE;
    return error instanceof CommandError ? (error.exitCode ?? FAILED) : FAILED;
  }
}

/** Runs the command line of this process and ends it. */
export async function main(): Promise<void> {
  const terminal = processTerminal();
  const code = await runCommandLine(process.argv.slice(2), {
    terminal,
    stop: stopSignal(terminal),
  });
  // Node would wait for whatever a backend or a socket still holds open.
  await new Promise<void>((resolve) => process.stdout.write("", () => resolve()));
  process.exit(code);
}
