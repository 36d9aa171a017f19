import { Command, Option } from "commander";
import type { CommandContext } from "../../command-context.ts";
import { ExitCode } from "../../exit-code.ts";
import { locateModel } from "../../model/locate-model.ts";
import { MODEL_HELP } from "../../model/model-reference.ts";
import { backendOption, threadsOption, type EngineOptions } from "../../options/engine-options.ts";
import { addNetworkOptions, networkOf } from "../../options/network-options.ts";
import {
  addPreprocessingOptions,
  givenPreprocessing,
} from "../../options/preprocessing-options.ts";
import { TransferProgress } from "../../show/transfer-progress.ts";
import { OptionError } from "../../option-error.ts";
import { modelFlags } from "../../settings/given-text.ts";
import { packageVersion } from "../../package-version.ts";
import { checkModel } from "./check-model.ts";
import { EXIT_CODES } from "./check-report.ts";
import { checkText } from "./check-text.ts";
import { lookAtImages } from "./look-at-images.ts";
import { sarifLog } from "./sarif.ts";

interface CheckCommandOptions extends EngineOptions {
  readonly model?: string;
  readonly images?: string;
  readonly json?: boolean;
  readonly sarif?: boolean;
}

/** `check`: what a model file is, and whether it can be taken; no coordinator is asked. */
export function checkCommand({ stop, terminal }: CommandContext): Command {
  const command = new Command("check")
    .description("say what a model file is, whether it can be taken, and if not what to do")
    .argument("[model]", "the model, as with --model")
    .option("--model <model>", `the model: ${MODEL_HELP}`)
    .option(
      "--images <path>",
      "pictures of the kind that it is for: look whether it is read and prepared as it was trained",
    )
    .addOption(backendOption())
    .addOption(threadsOption());
  return addPreprocessingOptions(addNetworkOptions(command))
    .option("--json", "print all of it as JSON (format scour-check-1: keys are only added)")
    .addOption(new Option("--sarif", "print findings as SARIF 2.1.0").conflicts("json"))
    .addHelpText(
      "after",
      `
Nothing of the file is run. Exit codes: 0 it can be taken, 3 it cannot be taken so, 4 it cannot be read,
5 it is dangerous to open elsewhere (as others: 1 the check itself failed, 2 called wrongly).

Examples:
  $ npm run scour -- check teacher.safetensors
  $ npm run scour -- check --model teacher.safetensors --images photos/
  $ npm run scour -- check --model hf:timm/resnet18.a1_in1k --json`,
    )
    .action(async (argument: string | undefined, options: CheckCommandOptions) => {
      const located = await locateModel(theOne(argument, options.model), {
        terminal,
        signal: stop,
      });
      const progress = new TransferProgress(terminal, "Looking at all values");
      const preprocessing = givenPreprocessing(options);
      const { model, report: checked } = await checkModel(located, {
        network: networkOf(options),
        preprocessing,
        signal: stop,
        onProgress: (done, total) => {
          if (done < total) progress.update(done, total);
        },
      });
      const { images, ...others } = options;
      const report =
        images === undefined || model === undefined
          ? checked
          : await lookAtImages(checked, model, {
              ...others,
              images,
              preprocessing,
              signal: stop,
              note: (line) => terminal.note(line),
            });
      const { verdict } = report;
      if (options.sarif === true) {
        terminal.result(sarifLog(report, packageVersion()), true, () => "");
      } else {
        terminal.result(report, options.json, () => checkText(report, modelFlags(options)));
      }
      if (verdict !== "accepted") throw new ExitCode(EXIT_CODES[verdict]);
    });
}

/** The model, which is named once: by itself or with its flag. */
function theOne(argument: string | undefined, flagged: string | undefined): string {
  const named = argument ?? flagged;
  if (named === undefined) {
    throw new OptionError("no model is named", "Name it: `check teacher.safetensors`.");
  }
  if (argument !== undefined && flagged !== undefined) {
    throw new OptionError(
      `both ${argument} and --model ${flagged}: one model is checked at a time`,
    );
  }
  return named;
}
