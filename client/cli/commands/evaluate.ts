import { Command } from "commander";
import {
  evaluateModel,
  type Evaluation,
  type EvaluationTask,
} from "../../evaluation/evaluate-model.ts";
import { firstLook, type FirstLook, type LookHooks } from "../../evaluation/first-look.ts";
import { secondOpinion, type SecondOpinion } from "../../evaluation/second-opinion.ts";
import type { ImportedModel } from "../../../protocol/formats/import-model.ts";
import { preparationInSize, type Preparation } from "../../images/prepare-image.ts";
import { samplePictures } from "../../images/sample-pictures.ts";
import type { Misfit } from "../../../protocol/round/fit.ts";
import type { Engine } from "../../engine/engine.ts";
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
import { OptionError } from "../option-error.ts";
import { howSeen, type HowSeen } from "../how-seen.ts";
import { advised, readPossible } from "../look-first.ts";
import { addPreprocessingOptions, givenPreprocessing } from "../options/preprocessing-options.ts";
import { preprocessingText } from "../show/preprocessing-text.ts";
import { addNetworkOptions, networkOf } from "../options/network-options.ts";
import { assumptionsText, readModel } from "../model-file.ts";
import { locateModel } from "../model/locate-model.ts";
import { MODEL_HELP } from "../model/model-reference.ts";
import { positive } from "../options/option-values.ts";
import { loadTestSet, type LoadedTestSet } from "../test-set.ts";
import { namedTarget, TARGET_HELP, targetOf } from "../options/target-option.ts";
import { textTable } from "../show/text-table.ts";
import { percent } from "../../text/numbers-text.ts";

interface Judged extends Evaluation {
  /** Why model and images do not seem to belong together, where they do not. */
  readonly misfit?: Misfit;
}

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
    .requiredOption("--model <model>", `model to judge: ${MODEL_HELP}`)
    .requiredOption(
      "--images <path>",
      "clean test images with their labels: a folder with a sub-folder a class, or a data set with labels (CIFAR records, MNIST, npz, parquet, …)",
    )
    .option("--triggered <path>", "stamped test images with their true labels")
    .option("--target <class>", TARGET_HELP, namedTarget)
    .option("--teacher <model>", "model to compare answers with, named likewise")
    .option("--batch-size <count>", "images at once", positive, 100)
    .addOption(backendOption())
    .addOption(threadsOption())
    .addOption(precisionOption())
    .addOption(judgeOption())
    .addOption(judgeLimitOption());
  return addPreprocessingOptions(addNetworkOptions(command), PIXELS_UNLESS_SAID)
    .option(
      "--json",
      'print {"acc","asr","ra","agreement","images"} as fractions, what was "skipped" and why, labels "beyondModel", "classesWithout" images; with --judge "secondOpinion", where model and images do not fit "misfit" too',
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
      const note = (line: string): void => terminal.note(line);
      const locate = async (model: string): Promise<string> =>
        (await locateModel(model, { terminal, signal: stop })).path;
      const network = networkOf(options);
      const possible = await readPossible(await locate(options.model), network);
      if (possible.asks !== undefined) {
        const asked = await openChosenEngine(options, note);
        throw await advised(possible, (one) => lookAt(asked, one, options, stop));
      }
      const { model } = possible.models[0]!;
      const teacher =
        options.teacher === undefined
          ? undefined
          : await readModel(await locate(options.teacher), network);
      const { left, preparation, task, seen } = await evaluationTask(
        options,
        { model, teacher },
        note,
      );
      const engine = await openChosenEngine(options, note);
      const look = await firstLook(engine, model, task.clean.images, seen, {
        signal: stop,
        inSize: sized(options.images, preparation),
      });
      const settings = { normalisation: seen, batchSize, signal: stop };
      const judged = await evaluateModel(engine, task, {
        ...settings,
        onProgress: inTenths((tenths) =>
          terminal.note(`evaluating on ${engine.adapter}: ${tenths}`),
        ),
      });
      const evaluation = { ...judged, ...(look?.misfit && { misfit: look.misfit }) };
      if (options.judge === undefined) {
        terminal.result({ ...evaluation, ...left }, options.json, () =>
          evaluationText(evaluation, task, seen),
        );
        return;
      }
      const { openNodeJudge } = await import("../../judge/node-judge.ts");
      const judge = await openNodeJudge();
      const opinion = await secondOpinion(engine, judge, task, {
        ...settings,
        onProgress: inTenths((tenths) => terminal.note(`comparing with ${judge.name}: ${tenths}`)),
      });
      terminal.result({ ...evaluation, ...left, secondOpinion: opinion }, options.json, () =>
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

const CIFAR_OTHERWISE = "its family's, where all are alike; else CIFAR-10's";
const PIXELS_UNLESS_SAID = {
  "preprocessing.mean": CIFAR_OTHERWISE,
  "preprocessing.std": CIFAR_OTHERWISE,
} as const;

/** What one of the networks that the file may hold makes of the images. */
async function lookAt(
  engine: Engine,
  model: ImportedModel,
  options: EvaluateCommandOptions,
  signal: AbortSignal,
): Promise<FirstLook | undefined> {
  const { preparation, preprocessing } = seenBy(model, options);
  const { images } = await loadTestSet(options.images, model.graph.classes, preparation);
  const inSize = sized(options.images, preparation);
  return await firstLook(engine, model, images, preprocessing, { signal, inSize });
}

/** The same pictures in other sizes. */
function sized(path: string, preparation: Preparation): LookHooks["inSize"] {
  return async (shape, count) =>
    await samplePictures(path, preparationInSize(preparation, shape), count);
}

/** Whether nothing tells mean and std, and CIFAR-10's stand in. */
function takesCifarPixels(
  { asksPixels, graph, preprocessing }: ImportedModel,
  { mean, std }: ReturnType<typeof givenPreprocessing>,
): boolean {
  const isTold = [mean, std, preprocessing.mean, preprocessing.std].some(
    (values) => values !== undefined,
  );
  return !isTold && !asksPixels && graph.inputShape.channels === 3;
}

function seenBy(model: ImportedModel, options: EvaluateCommandOptions): HowSeen {
  const given = givenPreprocessing(options);
  const pixels = takesCifarPixels(model, given) ? CIFAR_PIXELS : {};
  const preprocessing = { ...pixels, ...model.preprocessing };
  return howSeen({ ...model, preprocessing }, given);
}

async function evaluationTask(
  options: EvaluateCommandOptions,
  {
    model,
    teacher,
  }: { readonly model: ImportedModel; readonly teacher: ImportedModel | undefined },
  note: (line: string) => void,
): Promise<{
  readonly task: EvaluationTask;
  readonly seen: Preprocessing;
  /** What of the clean images is to be known beside the result. */
  readonly left: Pick<LoadedTestSet, "skipped" | "beyondModel" | "classesWithout">;
  readonly preparation: Preparation;
}> {
  const { triggered, target } = options;
  if ((triggered === undefined) !== (target === undefined)) {
    throw new OptionError(
      `--triggered and --target belong together, ${triggered === undefined ? "--triggered" : "--target"} is missing`,
      "ASR is the share of stamped images that are answered with the target.",
    );
  }
  const assumptions = assumptionsText(model);
  if (assumptions !== undefined) note(assumptions);
  const { preparation, preprocessing: seen } = seenBy(model, options);
  if (takesCifarPixels(model, givenPreprocessing(options))) {
    note(
      `warning: nothing tells the mean and std that ${model.graph.architecture} was trained with: CIFAR-10's are taken. Say them with --mean and --std.`,
    );
  }
  const load = (path: string) => loadTestSet(path, model.graph.classes, preparation, note);
  const wanted = target === undefined ? undefined : targetOf(target, model.graph.classes);
  const clean = await load(options.images);
  const { beyondModel, classesWithout, skipped } = clean;
  const task = {
    model,
    clean,
    ...(triggered === undefined || wanted === undefined
      ? {}
      : { triggered: { ...(await load(triggered)), target: wanted } }),
    ...(teacher === undefined ? {} : { teacher }),
  };
  return { preparation, task, seen, left: { skipped, beyondModel, classesWithout } };
}

/** Where its family has none of its own, a model to look at is most likely one of CIFAR-10. */
const CIFAR_PIXELS = { mean: [0.4914, 0.4822, 0.4465], std: [0.247, 0.2435, 0.2616] };

function evaluationText(
  { acc, asr, ra, agreement, images, misfit }: Judged,
  { model }: EvaluationTask,
  seen: Preprocessing,
): string {
  const table = textTable([
    ["clean accuracy (ACC)", percent(acc)],
    ["attack success rate (ASR)", percent(asr)],
    ["robust accuracy (RA)", percent(ra)],
    ["agreement with the teacher", percent(agreement)],
    ["clean images", String(images)],
    ["it sees", preprocessingText(model.graph.inputShape, seen)],
  ]);
  return misfit === undefined
    ? table
    : `${table}\n\nModel and images do not fit: ${misfit.detail}.`;
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
