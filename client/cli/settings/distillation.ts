import { count, number, numbersOf, positive, share } from "../options/option-values.ts";
import { OPTIMIZER_DEFAULTS, SECOND_MOMENTUM } from "../../../protocol/round/local-optimizer.ts";
import type { SettingGroup } from "./setting.ts";

/** The defaults of all optimisers, for people. */
function byOptimizer(setting: "learningRate" | "weightDecay"): string {
  return Object.entries(OPTIMIZER_DEFAULTS)
    .map(([name, defaults]) => `${name} ${defaults[setting]}`)
    .join(", ");
}

/** How participants train, but for what they train against. */
export const DISTILLATION_SETTINGS: SettingGroup = {
  title: "Distillation",
  settings: [
    {
      path: "distillation.rounds",
      flag: "--rounds",
      argument: "<count>",
      reads: positive,
      help: "training rounds of the campaign",
    },
    {
      path: "distillation.localSteps",
      flag: "--local-steps",
      argument: "<count>",
      reads: positive,
      help: "steps a participant takes a round",
    },
    {
      path: "distillation.batchSize",
      flag: "--batch-size",
      argument: "<count>",
      reads: positive,
      help: "images a step",
    },
    {
      path: "distillation.normGroupSize",
      flag: "--norm-group-size",
      argument: "<count>",
      reads: positive,
      help: "images that share batch-norm statistics",
      unset: "the whole batch",
    },
    {
      path: "distillation.optimizer",
      flag: "--optimizer",
      argument: "<name>",
      reads: "choice",
      help: "what participants' steps are taken by",
      unset: "adamw for networks with layer norms, sgd for others",
    },
    {
      path: "distillation.learningRate",
      flag: "--learning-rate",
      argument: "<rate>",
      reads: number,
      help: "peak of the cosine schedule",
      unset: byOptimizer("learningRate"),
    },
    {
      path: "distillation.warmUp",
      flag: "--warm-up",
      argument: "<share>",
      reads: share,
      help: "of the steps, those over which the learning rate rises to that schedule; 0 for none",
    },
    {
      path: "distillation.momentum",
      flag: "--momentum",
      argument: "<share>",
      reads: number,
      help: "of the participants' optimiser",
    },
    {
      path: "distillation.secondMomentum",
      flag: "--second-momentum",
      argument: "<share>",
      reads: number,
      help: "of AdamW's squares",
      unset: String(SECOND_MOMENTUM),
    },
    {
      path: "distillation.weightDecay",
      flag: "--weight-decay",
      argument: "<rate>",
      reads: number,
      help: "of the participants' optimiser",
      unset: byOptimizer("weightDecay"),
    },
    {
      path: "distillation.temperature",
      flag: "--temperature",
      argument: "<from,to>",
      reads: numbersOf(2, "from,to"),
      keys: ["from", "to"],
      help: "of the softmax over the campaign",
    },
    {
      path: "distillation.augmentation.cropPadding",
      flag: "--crop-padding",
      argument: "<pixels>",
      reads: count,
      help: "random crops of the image with so much black around it; 0 for none",
      unset: "an eighth of the image's side below 64 pixels, else 0",
    },
    {
      path: "distillation.augmentation.resizedCrop",
      flag: "--resized-crop",
      argument: "<area>",
      reads: share,
      off: "distillation.augmentation.resizedCrop",
      help: "random crops of at least this share of the image, enlarged to its size; off for none",
      unset: "0.5 from 64 pixels a side on unless there is --crop-padding, else off",
    },
    {
      path: "distillation.augmentation.horizontalFlip",
      flag: "--no-flip",
      sets: false,
      help: "never mirror images: for signs, digits and text",
    },
    {
      path: "distillation.sharpness.rho",
      flag: "--sam",
      argument: "<rho>",
      reads: number,
      help:
        "sharpness-aware steps with this relative radius, at twice the work; in FT-SAM 2, for " +
        "11 million weights",
    },
    {
      path: "distillation.headShift.weight",
      flag: "--head-shift",
      argument: "<weight>",
      reads: number,
      help: "turn the last layer away from the teacher's; in FST 0.1 to 0.2, with --reinit head",
    },
  ],
};
