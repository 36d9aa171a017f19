import { Option, type Command } from "commander";
import { count, number, numberOrOff, positive } from "./option-values.ts";
import type { Misplacement } from "./reinit-options.ts";

/** The options that define adversarial consistency, as commander reads them. */
export interface AdversaryOptions {
  readonly adversary?: "on" | "off";
  readonly adversaryWeight?: number;
  readonly adversaryShare?: number;
  readonly adversaryScope?: "universal" | "per-image";
  readonly adversaryNorm?: "l2" | "linf";
  readonly adversaryRadius?: number;
  readonly adversaryStep?: number;
  readonly adversaryAscents?: number;
  readonly adversaryRestart?: number;
  readonly adversaryWarp?: number | "off";
  readonly adversaryLowGain?: number | "off";
  readonly adversaryWaves?: number | "off";
  readonly adversaryHeatMap?: number | "off";
  readonly adversaryShortcuts?: number | "off";
  readonly adversaryBends?: number | "off";
}

/** Adds the options that define adversarial consistency. */
export function addAdversaryOptions(command: Command): Command {
  return command
    .addOption(
      new Option(
        "--adversary <on|off>",
        "train to keep the teacher's clean answers under perturbation (default on)",
      ).choices(["on", "off"]),
    )
    .option(
      "--adversary-weight <factor>",
      "of its loss beside distillation's (default 0.15)",
      number,
    )
    .option("--adversary-share <share>", "of each batch trained on perturbed (default 0.5)", number)
    .addOption(
      new Option(
        "--adversary-scope <scope>",
        "one perturbation for all images, or one each, which needs --adversary-ascents (default universal)",
      ).choices(["universal", "per-image"]),
    )
    .addOption(
      new Option("--adversary-norm <norm>", "how perturbations are measured (default l2)").choices([
        "l2",
        "linf",
      ]),
    )
    .option(
      "--adversary-radius <length>",
      "largest perturbation, normalised units: root mean square (l2) or largest value (linf); default 0.1",
      number,
    )
    .option("--adversary-step <share>", "of the radius, an ascent step (default 0.125)", number)
    .option(
      "--adversary-ascents <count>",
      "ascent steps before a training step; 0: the training pass itself gives the direction (default 0)",
      count,
    )
    .option(
      "--adversary-restart <steps>",
      "local steps after which a universal perturbation is drawn anew (default 40)",
      positive,
    )
    .option(
      "--adversary-warp <radius|off>",
      "largest displacement of pixels by a universal perturbation, root mean square as a share of the image's width (default 0.015625)",
      numberOrOff,
    )
    .option(
      "--adversary-low-gain <factor|off>",
      "how many times longer a universal perturbation may be along low spatial frequencies (default 2)",
      numberOrOff,
    )
    .option(
      "--adversary-waves <radius|off>",
      "largest random wave added to what is perturbed, root mean square in normalised units (default 0.45)",
      numberOrOff,
    )
    .option(
      "--adversary-heat-map <share|off>",
      "of the steps, those whose wave is one that misleads the teacher (default 0.5)",
      numberOrOff,
    )
    .option(
      "--adversary-shortcuts <classes|off>",
      "classes towards which perturbations that mislead the teacher are sought, to be trained against (default 3)",
      numberOrOff,
    )
    .option(
      "--adversary-bends <classes|off>",
      "classes towards which displacements of pixels that mislead the teacher are sought likewise (default 3)",
      numberOrOff,
    );
}

/** Flags by the configuration's key. */
export const ADVERSARY_FLAGS: Readonly<Record<string, string>> = {
  "distillation.adversary": "--adversary",
  "distillation.adversary.weight": "--adversary-weight",
  "distillation.adversary.share": "--adversary-share",
  "distillation.adversary.scope": "--adversary-scope",
  "distillation.adversary.norm": "--adversary-norm",
  "distillation.adversary.radius": "--adversary-radius",
  "distillation.adversary.step": "--adversary-step",
  "distillation.adversary.ascents": "--adversary-ascents",
  "distillation.adversary.restartEvery": "--adversary-restart",
  "distillation.adversary.warp": "--adversary-warp",
  "distillation.adversary.lowFrequencies": "--adversary-low-gain",
  "distillation.adversary.waves": "--adversary-waves",
  "distillation.adversary.heatMap": "--adversary-heat-map",
  "distillation.adversary.shortcuts": "--adversary-shortcuts",
  "distillation.adversary.bends": "--adversary-bends",
};

/** What the options say of the adversary: null for off, undefined for nothing. */
export function adversaryInput(
  options: AdversaryOptions,
): Record<string, unknown> | null | undefined {
  if (options.adversary === "off") return null;
  const given = said(options);
  return given.length === 0 ? undefined : Object.fromEntries(given);
}

/** Options that mean nothing without an adversary. */
export function misplacedAdversaryOptions(options: AdversaryOptions): readonly Misplacement[] {
  const [first] = said(options);
  if (options.adversary !== "off" || first === undefined) return [];
  const flag = ADVERSARY_FLAGS[`distillation.adversary.${first[0]}`]!;
  return [[true, flag, "means nothing with --adversary off"]];
}

function said(options: AdversaryOptions): [string, unknown][] {
  const values = {
    weight: options.adversaryWeight,
    share: options.adversaryShare,
    scope: options.adversaryScope,
    norm: options.adversaryNorm,
    radius: options.adversaryRadius,
    step: options.adversaryStep,
    ascents: options.adversaryAscents,
    restartEvery: options.adversaryRestart,
    warp: partInput("radius", options.adversaryWarp),
    lowFrequencies: partInput("gain", options.adversaryLowGain),
    waves: partInput("radius", options.adversaryWaves),
    heatMap: partInput("share", options.adversaryHeatMap),
    shortcuts: partInput("classes", options.adversaryShortcuts),
    bends: partInput("classes", options.adversaryBends),
  };
  return Object.entries(values).filter(([, value]) => value !== undefined);
}

function partInput(
  key: string,
  value: number | "off" | undefined,
): Record<string, unknown> | null | undefined {
  if (value === undefined) return undefined;
  return value === "off" ? null : { [key]: value };
}
