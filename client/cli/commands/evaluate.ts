import { Command } from "commander";
import {
  evaluateModel,
  type Evaluation,
  type EvaluationTask,
} from "../../evaluation/evaluate-model.ts";
import type { NamedTarget } from "../../attack/attack.ts";
import type { CommandContext } from "../command-context.ts";
import {
  backendOption,
  openChosenEngine,
  precisionOption,
  threadsOption,
  type EngineOptions,
} from "../options/engine-options.ts";
import { OptionError } from "../options/campaign-options.ts";
import { readModel } from "../model-file.ts";
import { numbersOf, positive } from "../options/option-values.ts";
import { loadTestSet } from "../test-set.ts";
import { namedTarget, TARGET_HELP, targetOf } from "../options/target-option.ts";
import { percent, textTable } from "../show/text-table.ts";

interface EvaluateCommandOptions extends EngineOptions {
  readonly model: string;
  readonly images: string;
  readonly triggered?: string;
  readonly target?: NamedTarget;
  readonly teacher?: string;
  readonly mean: readonly number[];
  readonly std: readonly number[];
  readonly batchSize: number;
  readonly json?: boolean;
}

/** `evaluate`: accuracy, attack success and agreement of a model on labelled records. */
export function evaluateCommand({ terminal, stop }: CommandContext): Command {
  return new Command("evaluate")
    .description("judge a model on labelled images")
    .requiredOption("--model <file>", "model to judge, safetensors")
    .requiredOption(
      "--images <path>",
      "clean test images with their labels: CIFAR records, or a folder with a sub-folder a class",
    )
    .option("--triggered <path>", "stamped test images with their true labels")
    .option("--target <class>", TARGET_HELP, namedTarget)
    .option("--teacher <file>", "model to compare answers with")
    .option(
      "--mean <r,g,b>",
      "pixel mean the model was trained with",
      numbersOf(3, "r,g,b"),
      [0.4914, 0.4822, 0.4465],
    )
    .option(
      "--std <r,g,b>",
      "pixel deviation the model was trained with",
      numbersOf(3, "r,g,b"),
      [0.247, 0.2435, 0.2616],
    )
    .option("--batch-size <count>", "images at once", positive, 100)
    .addOption(backendOption())
    .addOption(threadsOption())
    .addOption(precisionOption())
    .option("--json", 'print {"acc","asr","ra","agreement","images"} as fractions')
    .addHelpText(
      "after",
      `
Example:
  $ npm run scour -- evaluate --model cleansed.safetensors --images test.bin \\
      --triggered triggered.bin --target 0 --teacher teacher.safetensors --json`,
    )
    .action(async (options: EvaluateCommandOptions) => {
      const { batchSize, mean, std } = options;
      const task = await evaluationTask(options);
      const engine = await openChosenEngine(options, (line) => terminal.note(line));
      let shown = -1;
      const evaluation = await evaluateModel(engine, task, {
        normalisation: { mean, std },
        batchSize,
        signal: stop,
        onProgress(share) {
          const tenths = Math.floor(share * 10);
          if (tenths === shown) return;
          shown = tenths;
          terminal.note(`evaluating on ${engine.adapter}: ${tenths * 10} %`);
        },
      });
      terminal.result(evaluation, options.json, () => evaluationText(evaluation, mean, std));
    });
}

async function evaluationTask(options: EvaluateCommandOptions): Promise<EvaluationTask> {
  const { triggered, target } = options;
  if ((triggered === undefined) !== (target === undefined)) {
    throw new OptionError(
      `--triggered and --target belong together, ${triggered === undefined ? "--triggered" : "--target"} is missing`,
      "ASR is the share of stamped images that are answered with the target.",
    );
  }
  const model = await readModel(options.model);
  const wanted = target === undefined ? undefined : targetOf(target, model.graph.classes);
  const teacher = options.teacher === undefined ? undefined : await readModel(options.teacher);
  return {
    model,
    clean: await loadTestSet(options.images, model.graph),
    ...(triggered === undefined || wanted === undefined
      ? {}
      : { triggered: { ...(await loadTestSet(triggered, model.graph)), target: wanted } }),
    ...(teacher === undefined ? {} : { teacher }),
  };
}

function evaluationText(
  { acc, asr, ra, agreement, images }: Evaluation,
  mean: readonly number[],
  std: readonly number[],
): string {
  return textTable([
    ["clean accuracy (ACC)", percent(acc)],
    ["attack success rate (ASR)", percent(asr)],
    ["robust accuracy (RA)", percent(ra)],
    ["agreement with the teacher", percent(agreement)],
    ["clean images", String(images)],
    ["pixels normalised with", `mean ${mean.join(", ")}, std ${std.join(", ")}`],
  ]);
}
