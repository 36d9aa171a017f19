import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { Command } from "commander";
import type { CommandContext } from "../../../../client/cli/command-context.ts";
import { CommandError } from "../../../../client/cli/command-error.ts";
import { writeWhole } from "../../../../client/cli/write-whole.ts";
import { readResults } from "../results-file.ts";
import { markdownReport, reportContent } from "./document.ts";
import { reportPage } from "./page.ts";

interface RenderOptions {
  readonly out: string;
  readonly about?: string;
  readonly curves?: readonly string[];
}

const PAGE = "cleanse.html";

/** `render`: tables and a page of results. */
export function renderCommand({ terminal }: CommandContext): Command {
  return new Command("render")
    .description("make tables (Markdown) and a page with curves of results")
    .argument("<results...>", "files that bench:cleanse wrote")
    .requiredOption("--out <folder>", "for cleanse.md and cleanse.html")
    .option("--about <text>", "what readers are to know of these runs, said at the top")
    .option(
      "--curves <strategies>",
      "draw curves of these alone (default of all)",
      (text: string) => text.split(",").map((word) => word.trim()),
    )
    .action(async (files: readonly string[], { about, curves, out }: RenderOptions) => {
      const stored = await Promise.all(files.map(readResults));
      const results = stored.flatMap((one) => one.results);
      if (results.length === 0) {
        throw new CommandError(
          `there are no results in ${files.join(", ")}`,
          "Run `npm run bench:cleanse -- --plan … --out FILE` first.",
        );
      }
      const content = reportContent(results, about);
      const page = reportPage(content, (strategy) => curves?.includes(strategy) ?? true);
      await mkdir(out, { recursive: true });
      await writeWhole(join(out, "cleanse.md"), markdownReport(content, PAGE));
      await writeWhole(join(out, PAGE), page);
      terminal.result(
        null,
        false,
        () => `${join(out, "cleanse.md")} and ${PAGE}: ${results.length} runs.`,
      );
    });
}
