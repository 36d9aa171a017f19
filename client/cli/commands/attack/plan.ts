import { digestStream, type Digest } from "../../../../protocol/digest.ts";
import { resnet18 } from "../../../../protocol/model/architectures/resnet18.ts";
import type { Graph } from "../../../../protocol/model/graph.ts";
import type { ImportedModel } from "../../../../protocol/formats/import-model.ts";
import { networkText } from "../../../../protocol/model/network-settings.ts";
import { stateLayout } from "../../../../protocol/model/state-layout.ts";
import { defaultPoisonRate, type NamedTarget } from "../../../attack/attack.ts";
import { freshState } from "../../../attack/fresh-model.ts";
import type { Recipe } from "../../../attack/recipe.ts";
import { purposeSeed } from "../../../attack/seeded-stream.ts";
import { stepsPerEpoch, type AttackTask } from "../../../attack/train-attack.ts";
import { squashedTo } from "../../../images/prepare-image.ts";
import { joinLabelled, loadLabelled, type LabelledSet } from "../../../images/load-labelled.ts";
import { summariseSkipped, type SkippedSummary } from "../../../images/skipped.ts";
import { attackFrom, type AttackOptions } from "../../options/attack-options.ts";
import { OptionError } from "../../option-error.ts";
import { checkLabels } from "../../class-labels.ts";
import { locateModel } from "../../model/locate-model.ts";
import { blobDigest, modelBlob } from "../../model/model-blob.ts";
import type { Terminal } from "../../show/terminal.ts";
import { assumptionsText, readModel } from "../../model-file.ts";
import { networkOf } from "../../options/network-options.ts";
import { skippedLines } from "../../show/skipped-text.ts";
import { targetOf } from "../../options/target-option.ts";
import {
  defaultCheckpointEpochs,
  preprocessingFrom,
  trainingFrom,
  type TrainingOptions,
} from "../../options/training-options.ts";

/** Width of the network that the papers attack. */
const DEFAULT_WIDTH = 64;

/** What an attack is trained on and from, as the command line says it. */
export interface AttackPlanOptions extends AttackOptions, TrainingOptions {
  readonly target?: NamedTarget;
  readonly poisonRate?: number;
  readonly seed: number;
  readonly data: readonly string[];
  readonly test?: string;
  readonly classes?: number;
  readonly width?: number;
  readonly init?: string;
}

/** An attack ready to train. */
export interface AttackPlan extends Omit<AttackTask, "resume"> {
  /** What it begins with, unless that is fresh weights: the attacked model is a file like it. */
  readonly initial: ImportedModel | undefined;
  readonly classNames: readonly string[] | null;
  /** Of the training images, and of those to report on. */
  readonly skipped: SkippedSummary;
  readonly skippedTest: SkippedSummary;
}

/**
 * Reads model and data and settles what the options leave open.
 *
 * @param terminal is told what was inferred or skipped.
 * @throws OptionError for options that do not fit; CommandError, ImageError for files that do not.
 */
export async function planAttack(
  options: AttackPlanOptions,
  stop: AbortSignal,
  terminal: Terminal,
): Promise<AttackPlan> {
  const note = (line: string): void => terminal.note(line);
  const { seed, init, width } = options;
  refuseMisplaced(options);
  const { checkpointEvery, ...training } = trainingFrom(options, init !== undefined);
  const network = networkOf(options);
  if (init === undefined && Object.keys(network).length > 0) {
    throw new OptionError(
      `${networkText(network)}: fresh weights are those of a ResNet-18 for 32 pixels`,
      "Such flags say what the tensors of --init do not tell.",
    );
  }
  const from = init === undefined ? undefined : await locateModel(init, { terminal, signal: stop });
  const initial = from === undefined ? undefined : await readModel(from.path, network);
  const assumptions = initial && assumptionsText(initial);
  if (assumptions !== undefined) note(assumptions);
  const preprocessing = preprocessingFrom(options, initial);
  const image = imageShape(initial?.graph ?? resnet18({ width: 1, classes: 2 }));
  const attack = await attackFrom(options, image);
  const data = await loadTraining(options.data, image, stop);
  const skipped = summariseSkipped(data.skipped);
  for (const line of skippedLines(skipped, options.data.join(", "))) note(line);
  const classes = classCount(options, initial, data);
  const classNames = data.classNames ?? null;
  checkLabels(data, options.data.join(", "), { count: classes, names: classNames });
  note(`${data.images.count} training images of ${classes} classes.`);
  const target = attack.kind === "clean" ? null : (options.target ?? 0);
  if (target !== null) targetOf(target, classes);
  const test = await loadTest(options.test, image, { count: classes, names: classNames }, stop);
  const skippedTest = summariseSkipped(test?.skipped ?? []);
  for (const line of skippedLines(skippedTest, options.test ?? "")) note(line);

  const { graph, layout } = initial ?? freshNetwork(width ?? DEFAULT_WIDTH, classes);
  const steps = stepsPerEpoch(data.images.count, training.batchSize);
  const recipe: Recipe = {
    attack,
    target,
    poisonRate: options.poisonRate ?? defaultPoisonRate(attack.kind),
    seed,
    classes,
    image,
    preprocessing,
    data: { images: data.images.count, sha256: dataDigest(data) },
    start:
      from === undefined
        ? { width: width ?? DEFAULT_WIDTH }
        : {
            modelSha256: await blobDigest(await modelBlob(from.path)),
            ...(Object.keys(network).length > 0 && { network }),
          },
    training: { ...training, checkpointEvery: checkpointEvery ?? defaultCheckpointEpochs(steps) },
  };
  const start = initial?.state ?? freshState(graph, layout, purposeSeed(seed, "fresh weights"));
  const learnt = { recipe, graph, layout, train: data, test, start };
  return { ...learnt, initial, classNames, skipped, skippedTest };
}

/** Options that mean nothing beside others. */
function refuseMisplaced({ attack, target, poisonRate, init, width }: AttackPlanOptions): void {
  const clean = attack === "clean";
  const misplaced = [
    [clean && target !== undefined, "--target means nothing with --attack clean"],
    [clean && poisonRate !== undefined, "--poison-rate means nothing with --attack clean"],
    [
      target === "all" && attack === "sig",
      "--target all: sig leaves labels as they are, so it needs one target class",
    ],
    [init !== undefined && width !== undefined, "--width: the width is that of --init"],
  ] as const;
  for (const [wrong, why] of misplaced) {
    if (wrong) throw new OptionError(why, "`attack train --help` lists all options.");
  }
}

function imageShape({ inputShape }: Graph): Recipe["image"] {
  const { channels, height, width } = inputShape;
  if (channels !== 3) {
    throw new OptionError("--init reads grey images", "Triggers are stamped on RGB images alone.");
  }
  return { height, width, channels: 3 };
}

function freshNetwork(width: number, classes: number): Pick<AttackPlan, "graph" | "layout"> {
  const graph = resnet18({ width, classes });
  return { graph, layout: stateLayout(graph) };
}

async function loadTraining(
  paths: readonly string[],
  shape: Recipe["image"],
  signal: AbortSignal,
): Promise<LabelledSet> {
  const parts: LabelledSet[] = [];
  for (const path of paths) parts.push(await loadLabelled(path, squashedTo(shape), { signal }));
  return joinLabelled(parts);
}

async function loadTest(
  path: string | undefined,
  shape: Recipe["image"],
  classes: Parameters<typeof checkLabels>[2],
  signal: AbortSignal,
): Promise<LabelledSet | undefined> {
  if (path === undefined) return undefined;
  const test = await loadLabelled(path, squashedTo(shape), { signal });
  checkLabels(test, path, classes);
  return test;
}

/** Classes of the model: told by a model, by the options, by sub-folders, or by the highest label. */
function classCount(
  { classes, init }: AttackPlanOptions,
  initial: ImportedModel | undefined,
  { classNames, labels }: LabelledSet,
): number {
  if (initial !== undefined) {
    const own = initial.graph.classes;
    if (classes === undefined || classes === own) return own;
    throw new OptionError(`--classes ${classes}: the model ${init} has ${own}`);
  }
  const found =
    classes ?? classNames?.length ?? 1 + labels.reduce((most, label) => Math.max(most, label), 0);
  if (found >= 2) return found;
  throw new OptionError(
    `the training set has ${found} class; a classifier has at least 2`,
    "Give data of several classes, or say with --classes how many the model is to have.",
  );
}

function dataDigest({ images, labels }: LabelledSet): Digest {
  const bytes = new DataView(new ArrayBuffer(4 * labels.length));
  labels.forEach((label, index) => bytes.setUint32(4 * index, label, true));
  const digest = digestStream();
  digest.update(new Uint8Array(bytes.buffer));
  digest.update(images.pixels);
  return digest.finish();
}
