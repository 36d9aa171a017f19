import { Option, type Command } from "commander";
import { count, number, numberOrAuto, numbers } from "./option-values.ts";

/** The options that define re-initialisation, as commander reads them. */
export interface ReinitOptions {
  readonly reinit?: "layerwise" | "uniform" | "lipschitz" | "bn-divergence" | "head";
  readonly granularity?: "weight" | "channel";
  readonly outliers?: number;
  readonly statisticsImages?: number;
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
        "which weights are re-initialised: by depth (layerwise, the default), alike everywhere (uniform), by channel Lipschitz score (lipschitz), by how far participants' images lie from the teacher's batch-norm statistics (bn-divergence), or the head alone (head)",
      ).choices(["layerwise", "uniform", "lipschitz", "bn-divergence", "head"]),
    )
    .addOption(
      new Option(
        "--granularity <unit>",
        "whether single weights or whole output channels are drawn (default weight)",
      ).choices(["weight", "channel"]),
    )
    .option(
      "--outliers <deviations>",
      "lipschitz, bn-divergence: channels that many standard deviations above their layer's mean are re-initialised whole; 0 for none (default 3)",
      number,
    )
    .option(
      "--statistics-images <images>",
      "bn-divergence: most images a participant measures, at least 32 (default 512)",
      count,
    )
    .option(
      "--strength <factor|auto>",
      "multiplies every re-initialisation ratio; auto: short probes decide (default 1)",
      numberOrAuto,
    )
    .option(
      "--ratios <list>",
      "layerwise, lipschitz, bn-divergence: share per depth stage, shallowest first (default .01,.03,.09,.27)",
      numbers,
    )
    .option(
      "--head-ratio <share>",
      "share of the classification head, not for uniform (default .1; head 1)",
      number,
    )
    .option("--ratio <share>", "uniform: share of all weights", number)
    .option("--seed <hex>", "32 bytes that decide the re-initialisation (default random)");
}

/** Flags by the configuration's key. */
export const REINIT_FLAGS: Readonly<Record<string, string>> = {
  "reinit.strategy.kind": "--reinit",
  "reinit.strategy.granularity": "--granularity",
  "reinit.strategy.outliers": "--outliers",
  "reinit.strategy.images": "--statistics-images",
  "reinit.strategy.ratios": "--ratios",
  "reinit.strategy.head": "--head-ratio",
  "reinit.strategy.ratio": "--ratio",
  "reinit.strength": "--strength",
  "reinit.seed": "--seed",
};

/** The strategy that the options describe; undefined when they say nothing of it. */
export function reinitStrategy(options: ReinitOptions): Record<string, unknown> | undefined {
  const { reinit, granularity, outliers, statisticsImages, ratios, headRatio, ratio } = options;
  const said = {
    granularity,
    outliers,
    images: statisticsImages,
    ratios: ratios && [...ratios],
    head: headRatio,
    ratio,
  };
  const given = Object.entries(said).filter(([, value]) => value !== undefined);
  if (reinit === undefined && given.length === 0) return undefined;
  return { kind: reinit ?? "layerwise", ...Object.fromEntries(given) };
}

/** Whether an option is misplaced, its flag, and why. */
export type Misplacement = readonly [wrong: boolean, flag: string, why: string];

/** Options that mean nothing with the strategy at hand, or that it lacks. */
export function misplacedReinitOptions(options: ReinitOptions): readonly Misplacement[] {
  const { granularity, outliers, statisticsImages, ratios, headRatio, ratio } = options;
  const strategy = options.reinit ?? "layerwise";
  const uniform = strategy === "uniform";
  return [
    [!uniform && ratio !== undefined, "--ratio", "needs --reinit uniform"],
    [uniform && ratio === undefined, "--ratio", "is needed with --reinit uniform"],
    [
      (uniform || strategy === "head") && ratios !== undefined,
      "--ratios",
      "is for --reinit layerwise, lipschitz or bn-divergence",
    ],
    [
      uniform && headRatio !== undefined,
      "--head-ratio",
      "is for --reinit layerwise, lipschitz, bn-divergence or head",
    ],
    [
      strategy !== "lipschitz" && strategy !== "bn-divergence" && outliers !== undefined,
      "--outliers",
      "needs --reinit lipschitz or bn-divergence, which score channels",
    ],
    [
      strategy !== "bn-divergence" && statisticsImages !== undefined,
      "--statistics-images",
      "needs --reinit bn-divergence, which measures images",
    ],
    [
      strategy === "head" && granularity !== undefined,
      "--granularity",
      "means nothing with --reinit head, which touches no convolution",
    ],
  ];
}
