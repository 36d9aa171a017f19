import { Command, Option } from "commander";
import type { CommandContext } from "../../command-context.ts";
import { ExitCode } from "../../exit-code.ts";
import { locateModel } from "../../model/locate-model.ts";
import { MODEL_HELP } from "../../model/model-reference.ts";
import { addNetworkOptions, networkOf } from "../../options/network-options.ts";
import {
  addPreprocessingOptions,
  givenPreprocessing,
} from "../../options/preprocessing-options.ts";
import { TransferProgress } from "../../show/transfer-progress.ts";
import { packageVersion } from "../../package-version.ts";
import { checkModel } from "./check-model.ts";
import { EXIT_CODES } from "./check-report.ts";
import { checkText } from "./check-text.ts";
import { sarifLog } from "./sarif.ts";

interface CheckCommandOptions {
  readonly model: string;
  readonly json?: boolean;
  readonly sarif?: boolean;
}

/** `check`: what a model file is, and whether it can be taken; no coordinator is asked. */
export function checkCommand({ stop, terminal }: CommandContext): Command {
  const command = new Command("check")
    .description("say what a model file is, whether it can be taken, and if not what to do")
    .requiredOption("--model <model>", `the model: ${MODEL_HELP}`);
  return addPreprocessingOptions(addNetworkOptions(command))
    .option("--json", "print all of it as JSON (format scour-check-1: keys are only added)")
    .addOption(new Option("--sarif", "print findings as SARIF 2.1.0").conflicts("json"))
    .addHelpText(
      "after",
      `
Nothing of the file is run. Exit codes: 0 it can be taken, 3 it cannot be taken so, 4 it cannot be read,
5 it is dangerous to open elsewhere (as others: 1 the check itself failed, 2 called wrongly).

Examples:
  $ npm run scour -- check --model teacher.safetensors
  $ npm run scour -- check --model hf:timm/resnet18.a1_in1k --json`,
    )
    .action(async (options: CheckCommandOptions) => {
      const located = await locateModel(options.model, { terminal, signal: stop });
      const progress = new TransferProgress(terminal, "Looking at all values");
      const { report } = await checkModel(located, {
        network: networkOf(options),
        preprocessing: givenPreprocessing(options),
        signal: stop,
        onProgress: (done, total) => {
          if (done < total) progress.update(done, total);
        },
      });
      const { verdict } = report;
      if (options.sarif === true) {
        terminal.result(sarifLog(report, packageVersion()), true, () => "");
      } else {
        terminal.result(report, options.json, () => checkText(report));
      }
      if (verdict !== "accepted") throw new ExitCode(EXIT_CODES[verdict]);
    });
}
