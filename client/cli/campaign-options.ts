import { Option, type Command } from "commander";
import {
  campaignConfigSchema,
  type CampaignConfig,
  type CampaignConfigInput,
} from "../../protocol/round/campaign-config.ts";
import {
  ADVERSARY_FLAGS,
  addAdversaryOptions,
  adversaryInput,
  misplacedAdversaryOptions,
  type AdversaryOptions,
} from "./adversary-options.ts";
import { CommandError } from "./command-error.ts";
import {
  addJudgingOptions,
  JUDGING_FLAGS,
  judgingInput,
  misplacedJudgingOptions,
  type JudgingOptions,
} from "./judging-options.ts";
import { count, number, numbersOf, positive } from "./option-values.ts";
import {
  addRegulariserOptions,
  REGULARISER_FLAGS,
  regulariserInput,
  type RegulariserOptions,
} from "./regulariser-options.ts";
import {
  addReinitOptions,
  misplacedReinitOptions,
  REINIT_FLAGS,
  reinitStrategy,
  type Misplacement,
  type ReinitOptions,
} from "./reinit-options.ts";

/** The options that define a campaign, as commander reads them. */
export interface CampaignOptions
  extends ReinitOptions, AdversaryOptions, RegulariserOptions, JudgingOptions {
  readonly name?: string;
  readonly rounds?: number;
  readonly localSteps?: number;
  readonly batchSize?: number;
  readonly normGroupSize?: number;
  readonly learningRate?: number;
  readonly momentum?: number;
  readonly weightDecay?: number;
  readonly temperature?: readonly number[];
  readonly cropPadding?: number;
  readonly flip: boolean;
  readonly mean?: readonly number[];
  readonly std?: readonly number[];
  readonly goal?: number;
  readonly minimum?: number;
  readonly overSelection?: number;
  readonly deadline?: number;
  readonly maxAttempts?: number;
  readonly rule?: "mean" | "norm-clipped-mean";
  readonly clipNorm?: number;
  readonly server?: "sgd" | "adam" | "yogi";
  readonly serverLearningRate?: number;
  readonly serverMomentum?: number;
  readonly codec?: "f32" | "f16" | "int8";
}

/** Adds the options that define a campaign. Defaults are the coordinator's own and not repeated. */
export function addCampaignOptions(command: Command): Command {
  addReinitOptions(command.option("--name <text>", "what people call the campaign"));
  addAdversaryOptions(command);
  addRegulariserOptions(command);
  return addJudgingOptions(command)
    .option("--rounds <count>", "training rounds of the campaign (default 12)", positive)
    .option("--local-steps <count>", "steps a participant takes a round (default 20)", positive)
    .option("--batch-size <count>", "images a step (default 64)", positive)
    .option(
      "--norm-group-size <count>",
      "images that share batch-norm statistics (default the whole batch)",
      positive,
    )
    .option("--learning-rate <rate>", "peak of the cosine schedule (default 0.03)", number)
    .option("--momentum <share>", "of the participants' SGD (default 0.9)", number)
    .option("--weight-decay <rate>", "of the participants' SGD (default 0.0005)", number)
    .option(
      "--temperature <from,to>",
      "of the softmax over the campaign (default 1,4)",
      numbersOf(2, "from,to"),
    )
    .option("--crop-padding <pixels>", "random crops; 0 for none (default 4)", count)
    .option("--no-flip", "never mirror images: for signs, digits and text")
    .option("--mean <r,g,b>", "pixel mean the model was trained with", numbersOf(3, "r,g,b"))
    .option("--std <r,g,b>", "pixel deviation the model was trained with", numbersOf(3, "r,g,b"))
    .option("--goal <count>", "accepted updates that end a round (default 4)", positive)
    .option("--minimum <count>", "fewer at the deadline void it (default half the goal)", positive)
    .option("--over-selection <factor>", "assignments per goal handed out (default 1.5)", number)
    .option("--deadline <seconds>", "from a round's first assignment (default 900)", number)
    .option("--max-attempts <count>", "void attempts before it pauses itself (default 5)", positive)
    .addOption(
      new Option("--rule <kind>", "how updates are combined (default mean)").choices([
        "mean",
        "norm-clipped-mean",
      ]),
    )
    .option("--clip-norm <norm>", "norm-clipped-mean: most an update's L2 norm may be", number)
    .addOption(
      new Option("--server <kind>", "server optimiser (default sgd)").choices([
        "sgd",
        "adam",
        "yogi",
      ]),
    )
    .option(
      "--server-learning-rate <rate>",
      "of the server optimiser (default 1; adam, yogi .01)",
      number,
    )
    .option("--server-momentum <share>", "of the server's SGD (default 0)", number)
    .addOption(
      new Option("--codec <kind>", "how updates travel (default int8)").choices([
        "f32",
        "f16",
        "int8",
      ]),
    );
}

/** A misuse of options: printed with exit code 2. */
export class OptionError extends CommandError {}

/**
 * The configuration that the options describe; what is left out stays out, so that the coordinator's
 * defaults hold.
 *
 * @param model digest of the model's file.
 * @throws OptionError naming the flag that is missing, misplaced or out of range.
 */
export function campaignConfig(options: CampaignOptions, model: string): CampaignConfigInput {
  refuseMisplaced(options);
  const { mean, std } = options;
  if (mean === undefined || std === undefined) {
    throw new OptionError(
      `${mean === undefined ? "--mean" : "--std"} is missing`,
      "Give the pixel statistics the model was trained with, x = (pixel/255 − mean)/std per channel; " +
        "with others the model answers wrongly and is cleansed towards wrong answers. " +
        "CIFAR-10 models mostly use --mean .4914,.4822,.4465 --std .2470,.2435,.2616.",
    );
  }
  const [from, to] = options.temperature ?? [];
  const { judging, probes } = judgingInput(options);
  const config = withoutUndefined({
    name: options.name,
    model,
    preprocessing: { mean: [...mean], std: [...std] },
    reinit: withoutUndefined({
      strategy: reinitStrategy(options),
      strength: options.strength,
      seed: options.seed,
    }),
    distillation: withoutUndefined({
      rounds: options.rounds,
      localSteps: options.localSteps,
      batchSize: options.batchSize,
      normGroupSize: options.normGroupSize,
      learningRate: options.learningRate,
      momentum: options.momentum,
      weightDecay: options.weightDecay,
      temperature: from === undefined || to === undefined ? undefined : { from, to },
      augmentation: withoutUndefined({
        cropPadding: options.cropPadding,
        horizontalFlip: options.flip ? undefined : false,
      }),
      adversary: adversaryInput(options),
      ...regulariserInput(options),
    }),
    judging,
    probes,
    round: withoutUndefined({
      goal: options.goal,
      minimum: options.minimum,
      overSelection: options.overSelection,
      deadlineSeconds: options.deadline,
      maxAttempts: options.maxAttempts,
    }),
    aggregation: withoutUndefined({
      rule: aggregationRule(options),
      server: withoutUndefined({
        kind: options.server ?? "sgd",
        learningRate: options.serverLearningRate,
        momentum: options.serverMomentum,
      }),
    }),
    codec: options.codec,
  }) as CampaignConfigInput;
  checkConfig(config);
  return config;
}

function aggregationRule({ rule, clipNorm }: CampaignOptions): unknown {
  if (rule === undefined) return undefined;
  return rule === "mean" ? { kind: rule } : { kind: rule, clipNorm };
}

/** Options that mean nothing without another one, or contradict it. */
function refuseMisplaced(options: CampaignOptions): void {
  const clipped = options.rule === "norm-clipped-mean";
  const misplaced: readonly Misplacement[] = [
    ...misplacedReinitOptions(options),
    ...misplacedAdversaryOptions(options),
    ...misplacedJudgingOptions(options),
    [!clipped && options.clipNorm !== undefined, "--clip-norm", "needs --rule norm-clipped-mean"],
    [clipped && options.clipNorm === undefined, "--clip-norm", "is needed with this --rule"],
    [
      options.serverMomentum !== undefined && (options.server ?? "sgd") !== "sgd",
      "--server-momentum",
      "is for --server sgd; adam and yogi have moments of their own",
    ],
  ];
  for (const [wrong, flag, why] of misplaced) {
    if (wrong)
      throw new OptionError(`${flag} ${why}`, "`campaign create --help` lists all options.");
  }
}

/** Which flag a value of the configuration comes from. */
const FLAGS: Readonly<Record<string, string>> = {
  name: "--name",
  model: "--model",
  "preprocessing.mean": "--mean",
  "preprocessing.std": "--std",
  ...REINIT_FLAGS,
  ...ADVERSARY_FLAGS,
  ...REGULARISER_FLAGS,
  ...JUDGING_FLAGS,
  "distillation.rounds": "--rounds",
  "distillation.localSteps": "--local-steps",
  "distillation.batchSize": "--batch-size",
  "distillation.normGroupSize": "--norm-group-size",
  "distillation.learningRate": "--learning-rate",
  "distillation.momentum": "--momentum",
  "distillation.weightDecay": "--weight-decay",
  "distillation.temperature": "--temperature",
  "distillation.augmentation.cropPadding": "--crop-padding",
  "round.goal": "--goal",
  "round.minimum": "--minimum",
  "round.overSelection": "--over-selection",
  "round.deadlineSeconds": "--deadline",
  "round.maxAttempts": "--max-attempts",
  "aggregation.rule.clipNorm": "--clip-norm",
  "aggregation.server.learningRate": "--server-learning-rate",
  "aggregation.server.momentum": "--server-momentum",
};

function checkConfig(config: CampaignConfigInput): CampaignConfig {
  const parsed = campaignConfigSchema.safeParse(config);
  if (parsed.success) return parsed.data;
  const messages = parsed.error.issues.map((issue) => {
    const keys = issue.path.filter((key) => typeof key === "string");
    for (let length = keys.length; length > 0; length--) {
      const flag = FLAGS[keys.slice(0, length).join(".")];
      if (flag !== undefined) return `${flag}: ${issue.message}`;
    }
    return `${keys.join(".")}: ${issue.message}`;
  });
  throw new OptionError(messages.join("; "), "`campaign create --help` lists all options.");
}

/** The object without keys that have no value; the schema refuses `undefined` where a key is optional. */
function withoutUndefined(object: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined));
}
