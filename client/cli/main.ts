import { Command, CommanderError, Help, type Option } from "commander";
import { CommandError } from "./command-error.ts";
import { OptionError } from "./option-error.ts";
import type { CommandContext } from "./command-context.ts";
import { ExitCode } from "./exit-code.ts";
import { describeFailure } from "./describe-failure.ts";
import { stopSignal } from "./stop-signal.ts";
import { processTerminal } from "./show/terminal.ts";

/** Exit codes: 0 done, 1 failed with a message, 2 called wrongly; others are a command's own. */
const FAILED = 1;
const USAGE = 2;

/**
 * By name, in the order of the help. Each is loaded when it is called: all of them are most of the code, and
 * a second's work.
 */
const COMMANDS = {
  check: async () => (await import("./commands/check/check.ts")).checkCommand,
  serve: async () => (await import("./commands/serve.ts")).serveCommand,
  helper: async () => (await import("./commands/helper.ts")).helperCommand,
  "rotate-keys": async () => (await import("./commands/rotate-keys.ts")).rotateKeysCommand,
  campaign: async () => (await import("./commands/campaign/campaign.ts")).campaignCommand,
  invite: async () => (await import("./commands/invite.ts")).inviteCommand,
  administrator: async () => (await import("./commands/administrator.ts")).administratorCommand,
  audit: async () => (await import("./commands/audit.ts")).auditCommand,
  organisation: async () => (await import("./commands/organisation.ts")).organisationCommand,
  join: async () => (await import("./commands/join.ts")).joinCommand,
  watch: async () => (await import("./commands/watch.ts")).watchCommand,
  evaluate: async () => (await import("./commands/evaluate.ts")).evaluateCommand,
  privacy: async () => (await import("./commands/privacy.ts")).privacyCommand,
  simulate: async () => (await import("./commands/simulate/simulate.ts")).simulateCommand,
  demo: async () => (await import("./commands/demo/demo.ts")).demoCommand,
  attack: async () => (await import("./commands/attack/attack.ts")).attackCommand,
} satisfies Record<string, () => Promise<(context: CommandContext) => Command>>;

/**
 * The command line, ready to parse.
 *
 * @param only the one command that it is to have; all when it is not the name of any.
 */
export async function commandLine(context: CommandContext, only = ""): Promise<Command> {
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
  const named = Object.entries(COMMANDS).filter(([name]) => name === only);
  for (const [, load] of named.length > 0 ? named : Object.entries(COMMANDS)) {
    program.addCommand((await load())(context));
  }
  eachCommand(program, (command) => {
    command.exitOverride().showHelpAfterError("(--help shows the options and an example)");
    command.configureHelp({ optionDescription: describeOption });
    command.configureOutput({ outputError: (text, write) => write(text) });
  });
  return program;
}

/** Commander says of what must be given no more than of the rest. */
function describeOption(option: Option): string {
  return `${option.mandatory ? "(required) " : ""}${new Help().optionDescription(option)}`;
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
    const program = await commandLine(context, args[0]);
    await program.parseAsync(args, { from: "user" });
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
