import { Command } from "commander";
import {
  evaluateModel,
  type Evaluation,
  type EvaluationTask,
} from "../../evaluation/evaluate-model.ts";
import { secondOpinion, type SecondOpinion } from "../../evaluation/second-opinion.ts";
import type { Preprocessing } from "../../../protocol/round/preprocessing.ts";
import type { NamedTarget } from "../../attack/attack.ts";
import type { CommandContext } from "../command-context.ts";
import {
  backendOption,
  openChosenEngine,
  precisionOption,
  threadsOption,
  type EngineOptions,
} from "../options/engine-options.ts";
import {
  checkJudgeOptions,
  judgeLimitOption,
  judgeOption,
  requireAgreement,
  type JudgeOptions,
} from "../options/judge-options.ts";
import { OptionError } from "../options/campaign-options.ts";
import { howSeen } from "../how-seen.ts";
import { addPreprocessingOptions, givenPreprocessing } from "../options/preprocessing-options.ts";
import { preprocessingText } from "../show/preprocessing-text.ts";
import { addNetworkOptions, networkOf } from "../options/network-options.ts";
import { assumptionsText, readModel } from "../model-file.ts";
import { positive } from "../options/option-values.ts";
import { loadTestSet } from "../test-set.ts";
import { namedTarget, TARGET_HELP, targetOf } from "../options/target-option.ts";
import { textTable } from "../show/text-table.ts";
import { percent } from "../../text/numbers-text.ts";

interface EvaluateCommandOptions extends EngineOptions, JudgeOptions {
  readonly model: string;
  readonly images: string;
  readonly triggered?: string;
  readonly target?: NamedTarget;
  readonly teacher?: string;
  readonly batchSize: number;
  readonly json?: boolean;
}

/** `evaluate`: accuracy, attack success and agreement of a model on labelled records. */
export function evaluateCommand({ terminal, stop }: CommandContext): Command {
  const command = new Command("evaluate")
    .description("judge a model on labelled images")
    .requiredOption("--model <file>", "model to judge, safetensors")
    .requiredOption(
      "--images <path>",
      "clean test images with their labels: CIFAR records, or a folder with a sub-folder a class",
    )
    .option("--triggered <path>", "stamped test images with their true labels")
    .option("--target <class>", TARGET_HELP, namedTarget)
    .option("--teacher <file>", "model to compare answers with")
    .option("--batch-size <count>", "images at once", positive, 100)
    .addOption(backendOption())
    .addOption(threadsOption())
    .addOption(precisionOption())
    .addOption(judgeOption())
    .addOption(judgeLimitOption());
  return addPreprocessingOptions(addNetworkOptions(command))
    .option(
      "--json",
      'print {"acc","asr","ra","agreement","images"} as fractions, with --judge "secondOpinion" too',
    )
    .addHelpText(
      "after",
      `
Example:
  $ npm run scour -- evaluate --model cleansed.safetensors --images test.bin \\
      --triggered triggered.bin --target 0 --teacher teacher.safetensors --json`,
    )
    .action(async (options: EvaluateCommandOptions) => {
      checkJudgeOptions(options);
      const { batchSize } = options;
      const { task, seen } = await evaluationTask(options, (line) => terminal.note(line));
      const engine = await openChosenEngine(options, (line) => terminal.note(line));
      const settings = { normalisation: seen, batchSize, signal: stop };
      const evaluation = await evaluateModel(engine, task, {
        ...settings,
        onProgress: inTenths((tenths) =>
          terminal.note(`evaluating on ${engine.adapter}: ${tenths}`),
        ),
      });
      if (options.judge === undefined) {
        terminal.result(evaluation, options.json, () => evaluationText(evaluation, task, seen));
        return;
      }
      const { openNodeJudge } = await import("../../judge/node-judge.ts");
      const judge = await openNodeJudge();
      const opinion = await secondOpinion(engine, judge, task, {
        ...settings,
        onProgress: inTenths((tenths) => terminal.note(`comparing with ${judge.name}: ${tenths}`)),
      });
      terminal.result({ ...evaluation, secondOpinion: opinion }, options.json, () =>
        [evaluationText(evaluation, task, seen), opinionText(opinion)].join("\n\n"),
      );
      requireAgreement(opinion, options);
    });
}

/** Tells a share of the work whenever another tenth is done. */
function inTenths(tell: (text: string) => void): (share: number) => void {
  let shown = -1;
  return (share) => {
    const tenths = Math.floor(share * 10);
    if (tenths === shown) return;
    shown = tenths;
    tell(`${tenths * 10} %`);
  };
}

async function evaluationTask(
  options: EvaluateCommandOptions,
  note: (line: string) => void,
): Promise<{ readonly task: EvaluationTask; readonly seen: Preprocessing }> {
  const { triggered, target } = options;
  if ((triggered === undefined) !== (target === undefined)) {
    throw new OptionError(
      `--triggered and --target belong together, ${triggered === undefined ? "--triggered" : "--target"} is missing`,
      "ASR is the share of stamped images that are answered with the target.",
    );
  }
  const network = networkOf(options);
  const model = await readModel(options.model, network);
  const assumptions = assumptionsText(model);
  if (assumptions !== undefined) note(assumptions);
  const { preparation, preprocessing: seen } = howSeen(
    { ...model, preprocessing: { ...CIFAR_PIXELS, ...model.preprocessing } },
    givenPreprocessing(options),
  );
  const load = (path: string) => loadTestSet(path, model.graph.classes, preparation);
  const wanted = target === undefined ? undefined : targetOf(target, model.graph.classes);
  const teacher =
    options.teacher === undefined ? undefined : await readModel(options.teacher, network);
  const task = {
    model,
    clean: await load(options.images),
    ...(triggered === undefined || wanted === undefined
      ? {}
      : { triggered: { ...(await load(triggered)), target: wanted } }),
    ...(teacher === undefined ? {} : { teacher }),
  };
  return { task, seen };
}

/** Where its family has none of its own, a model to look at is most likely one of CIFAR-10. */
const CIFAR_PIXELS = { mean: [0.4914, 0.4822, 0.4465], std: [0.247, 0.2435, 0.2616] };

function evaluationText(
  { acc, asr, ra, agreement, images }: Evaluation,
  { model }: EvaluationTask,
  seen: Preprocessing,
): string {
  return textTable([
    ["clean accuracy (ACC)", percent(acc)],
    ["attack success rate (ASR)", percent(asr)],
    ["robust accuracy (RA)", percent(ra)],
    ["agreement with the teacher", percent(agreement)],
    ["clean images", String(images)],
    ["it sees", preprocessingText(model.graph.inputShape, seen)],
  ]);
}

function opinionText(opinion: SecondOpinion): string {
  const { acc, agreement, asr, images, judge, largestDifference, ra } = opinion;
  return textTable([
    ["judge", judge],
    ["its clean accuracy (ACC)", percent(acc)],
    ["its attack success rate (ASR)", percent(asr)],
    ["its robust accuracy (RA)", percent(ra)],
    ["same answer as our engine", `${(100 * agreement).toFixed(2)} % of ${images} images`],
    ["largest difference of logits", largestDifference.toExponential(1)],
  ]);
}
