import { Command } from "commander";
import type { CommandContext } from "../../command-context.ts";
import { CommandError } from "../../command-error.ts";
import { count, positive, several } from "../../options/option-values.ts";
import { DEMO_PARTICIPANTS, DEMO_ROUNDS } from "../../../demo/demo-campaign.ts";
import { runDemo } from "./run-demo.ts";
import { textTable } from "../../show/text-table.ts";
import { percent } from "../../../text/numbers-text.ts";

interface DemoCommandOptions {
  readonly out: string;
  readonly seed: number;
  readonly rounds: number;
  readonly participants: number;
  readonly json?: boolean;
}

/** `demo`: the whole job on drawn images, offline, in a few minutes. */
export function demoCommand({ terminal, stop }: CommandContext): Command {
  return new Command("demo")
    .description("cleanse a small backdoored model on drawn images, from upload to report")
    .option("--out <folder>", "where cleansed model and report go", "scour-demo")
    .option("--seed <number>", "other images, and another order of them", count, 0)
    .option("--rounds <count>", "most that it trains; fewer are sooner done", positive, DEMO_ROUNDS)
    .option(
      "--participants <count>",
      "how many take part, each a process; fewer are sooner done",
      several,
      DEMO_PARTICIPANTS,
    )
    .option("--json", 'print {"before","after","seconds"} as fractions')
    .addHelpText("after", "\nExample:\n  $ npm run --silent demo -- --json")
    .action(async (options: DemoCommandOptions) => {
      const { before, after, seconds, cleansed, report, shortfalls } = await runDemo({
        out: options.out,
        seed: options.seed,
        rounds: options.rounds,
        participants: options.participants,
        stop,
        note: (line) => terminal.note(line),
      });
      const { acc, asr, ra, agreement } = after;
      terminal.result(
        {
          before: { acc: before.acc, asr: before.asr, ra: before.ra },
          after: { acc, asr, ra, agreement },
          seconds,
        },
        options.json,
        () =>
          [
            "",
            textTable([
              ["", "ACC", "ASR", "RA", "agreement"],
              ["before", percent(before.acc), percent(before.asr), percent(before.ra), "–"],
              ["after", percent(acc), percent(asr), percent(ra), percent(agreement)],
            ]),
            "",
            `Cleansed model  ${cleansed.out}`,
            `Report          ${report}`,
            `Took            ${seconds.toFixed(0)} s`,
          ].join("\n"),
      );
      if (shortfalls.length > 0) {
        throw new CommandError(
          `the demo missed its goal: ${shortfalls.join("; ")}`,
          "Run it again; if that repeats, please report it with the report's page.",
        );
      }
    });
}
