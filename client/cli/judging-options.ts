import { Option, type Command } from "commander";
import { count, number, numbers, positive } from "./option-values.ts";
import type { Misplacement } from "./reinit-options.ts";

/** The options that define scores, probes and what follows from them, as commander reads them. */
export interface JudgingOptions {
  readonly strength?: number | "auto";
  readonly probeStrengths?: readonly number[];
  readonly probeRounds?: number;
  readonly heldOut?: number;
  readonly judgingImages?: number;
  readonly judgingRadii?: readonly number[];
  readonly judgingAscents?: number;
  readonly watchAscents?: number;
  readonly regrowth?: "fall-back" | "report";
  readonly regrowthReach?: number;
  readonly regrowthRise?: number;
  readonly regrowthMost?: number;
  readonly regrowthWindow?: number;
  readonly stopping?: "on" | "off";
  readonly stoppingRate?: number;
  readonly stoppingWindow?: number;
  readonly stoppingChange?: number;
}

/** Adds the options that define scores, probes and what follows from them. */
export function addJudgingOptions(command: Command): Command {
  return command
    .option(
      "--probe-strengths <list>",
      "strength auto: strengths that are tried (default 0,1,2)",
      numbers,
    )
    .option(
      "--probe-rounds <count>",
      "strength auto: training rounds of each (default 4)",
      positive,
    )
    .option("--held-out <share>", "of a participant's images, to score with (default 0.1)", number)
    .option("--judging-images <count>", "most images it scores with (default 64)", positive)
    .option(
      "--judging-radii <list>",
      "growing norms at which students are judged, root mean square in normalised units (default 0.036,0.072,0.145)",
      numbers,
    )
    .option("--judging-ascents <count>", "ascent steps at each norm (default 12)", positive)
    .option(
      "--watch-ascents <count>",
      "ascent steps at the middle norm before each training round, for a curve; decisions do without (default 0)",
      count,
    )
    .addOption(
      new Option(
        "--regrowth <action>",
        "when the backdoor seems to grow back, or never to have left: fall back to the best round, or only report it (default fall-back)",
      ).choices(["fall-back", "report"]),
    )
    .option(
      "--regrowth-reach <share>",
      "of images that the smallest perturbation has to lead to one class in the teacher before there is an alarm; 0: any (default 0.6)",
      number,
    )
    .option(
      "--regrowth-rise <share>",
      "how far the share of the teacher's mistakes that students make too is above its least when it is an alarm (default 0.1)",
      number,
    )
    .option(
      "--regrowth-most <share>",
      "how large that share may be at all; 1: as large as it likes (default 0.5)",
      number,
    )
    .option("--regrowth-window <rounds>", "rounds averaged for the alarm (default 3)", positive)
    .addOption(
      new Option("--stopping <on|off>", "stop when the scores stand still (default on)").choices([
        "on",
        "off",
      ]),
    )
    .option(
      "--stopping-rate <share>",
      "of the peak learning rate, below which stopping is looked at (default 0.1)",
      number,
    )
    .option("--stopping-window <rounds>", "rounds in each mean compared (default 5)", positive)
    .option(
      "--stopping-change <share>",
      "less than this is standing still (default 0.003)",
      number,
    );
}

/** Flags by the configuration's key. */
export const JUDGING_FLAGS: Readonly<Record<string, string>> = {
  "probes.strengths": "--probe-strengths",
  "probes.rounds": "--probe-rounds",
  "judging.heldOut": "--held-out",
  "judging.images": "--judging-images",
  "judging.radii": "--judging-radii",
  "judging.ascents": "--judging-ascents",
  "judging.watchAscents": "--watch-ascents",
  "judging.regrowth.action": "--regrowth",
  "judging.regrowth.reach": "--regrowth-reach",
  "judging.regrowth.rise": "--regrowth-rise",
  "judging.regrowth.most": "--regrowth-most",
  "judging.regrowth.window": "--regrowth-window",
  "judging.stopping": "--stopping",
  "judging.stopping.learningRateShare": "--stopping-rate",
  "judging.stopping.window": "--stopping-window",
  "judging.stopping.change": "--stopping-change",
};

/** What the options say of `judging` and `probes`; undefined for what they leave open. */
export function judgingInput(options: JudgingOptions): {
  readonly judging: Record<string, unknown> | undefined;
  readonly probes: Record<string, unknown> | undefined;
} {
  const stopping = given({
    learningRateShare: options.stoppingRate,
    window: options.stoppingWindow,
    change: options.stoppingChange,
  });
  return {
    judging: given({
      heldOut: options.heldOut,
      images: options.judgingImages,
      radii: options.judgingRadii && [...options.judgingRadii],
      ascents: options.judgingAscents,
      watchAscents: options.watchAscents,
      regrowth: given({
        action: options.regrowth,
        reach: options.regrowthReach,
        rise: options.regrowthRise,
        most: options.regrowthMost,
        window: options.regrowthWindow,
      }),
      stopping: options.stopping === "off" ? null : stopping,
    }),
    probes: given({
      strengths: options.probeStrengths && [...options.probeStrengths],
      rounds: options.probeRounds,
    }),
  };
}

/** Options that mean nothing without another one. */
export function misplacedJudgingOptions(options: JudgingOptions): readonly Misplacement[] {
  const fixed = options.strength !== "auto";
  const off = options.stopping === "off";
  return [
    [fixed && options.probeStrengths !== undefined, "--probe-strengths", "needs --strength auto"],
    [fixed && options.probeRounds !== undefined, "--probe-rounds", "needs --strength auto"],
    ...(
      [
        [options.stoppingRate, "--stopping-rate"],
        [options.stoppingWindow, "--stopping-window"],
        [options.stoppingChange, "--stopping-change"],
      ] as const
    ).map(([value, flag]): Misplacement => [
      off && value !== undefined,
      flag,
      "means nothing with --stopping off",
    ]),
  ];
}

function given(values: Record<string, unknown>): Record<string, unknown> | undefined {
  const said = Object.entries(values).filter(([, value]) => value !== undefined);
  return said.length === 0 ? undefined : Object.fromEntries(said);
}
