import { Option, type Command } from "commander";
import { number, numberOrAuto, numbers } from "./option-values.ts";

/** The options that define re-initialisation, as commander reads them. */
export interface ReinitOptions {
  readonly reinit?: "layerwise" | "uniform" | "lipschitz" | "head";
  readonly granularity?: "weight" | "channel";
  readonly outliers?: number;
  readonly strength?: number | "auto";
  readonly ratios?: readonly number[];
  readonly headRatio?: number;
  readonly ratio?: number;
  readonly seed?: string;
}

/** Adds the options that define re-initialisation. */
export function addReinitOptions(command: Command): Command {
  return command
    .addOption(
      new Option(
        "--reinit <strategy>",
        "which weights are re-initialised: by depth (layerwise, the default), alike everywhere (uniform), by channel Lipschitz score (lipschitz), or the head alone (head)",
      ).choices(["layerwise", "uniform", "lipschitz", "head"]),
    )
    .addOption(
      new Option(
        "--granularity <unit>",
        "whether single weights or whole output channels are drawn (default weight)",
      ).choices(["weight", "channel"]),
    )
    .option(
      "--outliers <deviations>",
      "lipschitz: channels that many standard deviations above their layer's mean are re-initialised whole; 0 for none (default 3)",
      number,
    )
    .option(
      "--strength <factor|auto>",
      "multiplies every re-initialisation ratio; auto: short probes decide (default 1)",
      numberOrAuto,
    )
    .option(
      "--ratios <list>",
      "layerwise, lipschitz: share per depth stage, shallowest first",
      numbers,
    )
    .option("--head-ratio <share>", "share of the classification head; not for uniform", number)
    .option("--ratio <share>", "uniform: share of all weights", number)
    .option("--seed <hex>", "32 bytes that decide the re-initialisation (default random)");
}

/** Flags by the configuration's key. */
export const REINIT_FLAGS: Readonly<Record<string, string>> = {
  "reinit.strategy.kind": "--reinit",
  "reinit.strategy.granularity": "--granularity",
  "reinit.strategy.outliers": "--outliers",
  "reinit.strategy.ratios": "--ratios",
  "reinit.strategy.head": "--head-ratio",
  "reinit.strategy.ratio": "--ratio",
  "reinit.strength": "--strength",
  "reinit.seed": "--seed",
};

/** The strategy that the options describe; undefined when they say nothing of it. */
export function reinitStrategy(options: ReinitOptions): Record<string, unknown> | undefined {
  const { reinit, granularity, outliers, ratios, headRatio, ratio } = options;
  const said = { granularity, outliers, ratios: ratios && [...ratios], head: headRatio, ratio };
  const given = Object.entries(said).filter(([, value]) => value !== undefined);
  if (reinit === undefined && given.length === 0) return undefined;
  return { kind: reinit ?? "layerwise", ...Object.fromEntries(given) };
}

/** Whether an option is misplaced, its flag, and why. */
export type Misplacement = readonly [wrong: boolean, flag: string, why: string];

/** Options that mean nothing with the strategy at hand, or that it lacks. */
export function misplacedReinitOptions(options: ReinitOptions): readonly Misplacement[] {
  const { granularity, outliers, ratios, headRatio, ratio } = options;
  const strategy = options.reinit ?? "layerwise";
  const uniform = strategy === "uniform";
  return [
    [!uniform && ratio !== undefined, "--ratio", "needs --reinit uniform"],
    [uniform && ratio === undefined, "--ratio", "is needed with --reinit uniform"],
    [
      (uniform || strategy === "head") && ratios !== undefined,
      "--ratios",
      "is for --reinit layerwise or lipschitz",
    ],
    [
      uniform && headRatio !== undefined,
      "--head-ratio",
      "is for --reinit layerwise, lipschitz or head",
    ],
    [
      strategy !== "lipschitz" && outliers !== undefined,
      "--outliers",
      "needs --reinit lipschitz, which scores channels",
    ],
    [
      strategy === "head" && granularity !== undefined,
      "--granularity",
      "means nothing with --reinit head, which touches no convolution",
    ],
  ];
}
