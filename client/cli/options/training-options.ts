import { Option, type Command } from "commander";
import type { PreprocessingDefaults } from "../../../protocol/model/preprocessing-defaults.ts";
import type { RecognisedModel } from "../../../protocol/model/recognise.ts";
import { recipeSchema, type Recipe } from "../../attack/recipe.ts";
import { OptionError } from "../option-error.ts";
import { count, number, numbersOf, positive } from "./option-values.ts";

/** The options that define a supervised training, as commander reads them. */
export interface TrainingOptions {
  readonly epochs: number;
  readonly batchSize: number;
  readonly learningRate?: number;
  readonly schedule: "cosine" | "multi-step";
  readonly milestones?: readonly number[];
  readonly decay?: number;
  readonly momentum: number;
  readonly weightDecay: number;
  readonly cropPadding: number;
  readonly flip: boolean;
  readonly mean?: readonly number[];
  readonly std?: readonly number[];
  readonly checkpointEpochs?: number;
}

/** Mean and std of CIFAR-10, RGB. */
const CIFAR_PIXELS: Partial<PreprocessingDefaults> = {
  mean: [0.4914, 0.4822, 0.4465],
  std: [0.247, 0.2435, 0.2616],
};

/** Peak learning rates: from fresh weights, and of a model that is trained already. */
const FRESH_RATE = 0.1;
const TRAINED_RATE = 0.01;

/** Steps between checkpoints at least: at each the velocity begins anew, which takes some ten. */
const CHECKPOINT_STEPS = 100;

/** Adds the options that define a training. */
export function addTrainingOptions(command: Command): Command {
  return command
    .option("--epochs <count>", "times through the training set", positive, 30)
    .option("--batch-size <count>", "images a step", positive, 128)
    .option(
      "--learning-rate <rate>",
      `peak of the schedule (default ${FRESH_RATE}, with --init ${TRAINED_RATE})`,
      number,
    )
    .addOption(
      new Option("--schedule <kind>", "how the learning rate falls")
        .choices(["cosine", "multi-step"])
        .default("cosine"),
    )
    .option(
      "--milestones <epochs>",
      "multi-step: when it falls (default after a half and three quarters)",
      (text: string) => text.split(",").map((part) => positive(part.trim())),
    )
    .option("--decay <factor>", "multi-step: by which factor (default 0.1)", number)
    .option("--momentum <share>", "of SGD", number, 0.9)
    .option("--weight-decay <rate>", "of SGD, on every trainable value", number, 5e-4)
    .option("--crop-padding <pixels>", "random crops; 0 for none", count, 4)
    .option("--no-flip", "never mirror images: for signs, digits and text")
    .option(
      "--mean <r,g,b>",
      "pixel mean, x = (pixel/255 − mean)/std (default the model's family's, or CIFAR-10's)",
      numbersOf(3, "r,g,b"),
    )
    .option("--std <r,g,b>", "pixel deviation (default likewise)", numbersOf(3, "r,g,b"))
    .option(
      "--checkpoint-epochs <count>",
      `epochs between checkpoints (default as many as make ${CHECKPOINT_STEPS} steps)`,
      positive,
    );
}

/** Which flag a value of a recipe's training comes from. */
const FLAGS: Readonly<Record<string, string>> = {
  epochs: "--epochs",
  batchSize: "--batch-size",
  learningRate: "--learning-rate",
  milestones: "--milestones",
  factor: "--decay",
  momentum: "--momentum",
  weightDecay: "--weight-decay",
  cropPadding: "--crop-padding",
  checkpointEvery: "--checkpoint-epochs",
};

/** All of a recipe's training but what depends on the number of images. */
export type TrainingChoice = Omit<Recipe["training"], "checkpointEvery"> & {
  readonly checkpointEvery: number | undefined;
};

/**
 * The training that the options describe.
 *
 * @param trained whether it begins with a model that is trained already.
 * @throws OptionError naming the flag that is misplaced or out of range.
 */
export function trainingFrom(options: TrainingOptions, trained: boolean): TrainingChoice {
  const { epochs, milestones, schedule, decay, checkpointEpochs } = options;
  for (const [value, flag] of [
    [milestones, "--milestones"],
    [decay, "--decay"],
  ] as const) {
    if (value === undefined || schedule === "multi-step") continue;
    throw new OptionError(`${flag} needs --schedule multi-step`);
  }
  if (milestones?.some((milestone) => milestone >= epochs)) {
    throw new OptionError(`--milestones ${milestones.join(",")}: there are only ${epochs} epochs`);
  }
  const parsed = recipeSchema.shape.training.safeParse({
    epochs,
    batchSize: options.batchSize,
    learningRate: options.learningRate ?? (trained ? TRAINED_RATE : FRESH_RATE),
    schedule:
      schedule === "cosine"
        ? { kind: schedule }
        : {
            kind: schedule,
            milestones: milestones ?? defaultMilestones(epochs),
            factor: decay ?? 0.1,
          },
    momentum: options.momentum,
    weightDecay: options.weightDecay,
    cropPadding: options.cropPadding,
    horizontalFlip: options.flip,
    checkpointEvery: checkpointEpochs ?? 1,
  });
  if (parsed.success) return { ...parsed.data, checkpointEvery: checkpointEpochs };
  const messages = parsed.error.issues.map(({ path, message }) => {
    const key = path.findLast((part) => typeof part === "string");
    return `${FLAGS[key ?? ""] ?? path.join(".")}: ${message}`;
  });
  throw new OptionError(messages.join("; "), "`attack train --help` lists all options.");
}

/** Epochs between checkpoints, where the options leave it open. */
export function defaultCheckpointEpochs(stepsPerEpoch: number): number {
  return Math.max(1, Math.ceil(CHECKPOINT_STEPS / stepsPerEpoch));
}

/** As 100 and 150 of the BCU release's 200 epochs. */
function defaultMilestones(epochs: number): number[] {
  const milestones = [Math.round(epochs / 2), Math.round((3 * epochs) / 4)];
  return [...new Set(milestones)].filter((milestone) => milestone >= 1 && milestone < epochs);
}

/**
 * How pixels reach the network.
 *
 * @param model that it begins with, where it does not begin with fresh weights
 * @throws OptionError when a deviation is not positive, or nobody but who trained the model knows them.
 */
export function preprocessingFrom(
  options: Pick<TrainingOptions, "mean" | "std">,
  model?: Pick<RecognisedModel, "asksPixels" | "preprocessing">,
): Recipe["preprocessing"] {
  const isUsual = model === undefined || !model.asksPixels;
  const usual = { ...(isUsual && CIFAR_PIXELS), ...model?.preprocessing };
  const { mean = usual.mean, std = usual.std } = options;
  if (mean === undefined || std === undefined) {
    throw new OptionError(
      `${mean === undefined ? "--mean" : "--std"} is missing: models of these names are trained with different ones`,
      "Give those that the model of --init was trained with.",
    );
  }
  const parsed = recipeSchema.shape.preprocessing.parse({ mean: [...mean], std: [...std] });
  if (parsed.std.every((deviation) => deviation > 0)) return parsed;
  throw new OptionError(`--std ${std.join(",")}: deviations must be above 0`);
}
