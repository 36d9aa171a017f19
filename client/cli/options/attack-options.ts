import { InvalidArgumentError, Option, type Command } from "commander";
import type { ImageShape } from "../../../protocol/model/graph.ts";
import {
  ATTACK_KINDS,
  attackSchema,
  type Attack,
  type AttackKind,
  type Pattern,
} from "../../attack/attack.ts";
import { cornerPlace } from "../../attack/badnets.ts";
import { loadImages } from "../../images/load-node.ts";
import { squashedTo } from "../../images/prepare-image.ts";
import { OptionError } from "../option-error.ts";
import { count, number, positive } from "./option-values.ts";

type Colour = [number, number, number];

/** The options that define an attack, as commander reads them. */
export interface AttackOptions {
  readonly attack: AttackKind;
  readonly patchSize?: number;
  readonly patchRow?: number;
  readonly patchColumn?: number;
  readonly patchColours?: [Colour, Colour];
  readonly alpha?: number;
  readonly pattern?: string;
  readonly delta?: number;
  readonly frequency?: number;
  readonly grid?: number;
  readonly warpStrength?: number;
  readonly crossRatio?: number;
  readonly block?: number;
  readonly magnitude?: number;
  readonly levels?: number;
  readonly coverRatio?: number;
  readonly trainingAlpha?: number;
  readonly pieces?: number;
  readonly maskedShare?: number;
  readonly sigma?: number;
  readonly range?: number;
}

/** Adds the options that define an attack; defaults are those of the papers and the BCU release. */
export function addAttackOptions(command: Command): Command {
  return command
    .addOption(
      new Option("--attack <kind>", "how the backdoor gets in")
        .choices(ATTACK_KINDS)
        .makeOptionMandatory(),
    )
    .option("--patch-size <pixels>", "badnets: side of the patch (default 3)", positive)
    .option("--patch-row <row>", "badnets: its upper edge (default one pixel from below)", count)
    .option(
      "--patch-column <column>",
      "badnets: its left edge (default one pixel from the right)",
      count,
    )
    .option(
      "--patch-colours <a,b>",
      "badnets: colours of the checkerboard, its corner first (default 000000,ffffff)",
      colours,
    )
    .option(
      "--alpha <share>",
      "blended, adaptive-blend: weight of the pattern (default 0.2)",
      number,
    )
    .option(
      "--pattern <picture>",
      "blended, adaptive-blend: blend in this picture instead of noise",
    )
    .option("--delta <value>", "sig: amplitude, pixel values (default 20)", number)
    .option("--frequency <count>", "sig: periods across the image (default 6)", number)
    .option("--grid <points>", "wanet: points a side of the control grid, k (default 4)", positive)
    .option("--warp-strength <value>", "wanet: strength of the warp, s (default 0.5)", number)
    .option(
      "--cross-ratio <ratio>",
      "wanet: noise-mode images per poisoned one (default 2)",
      number,
    )
    .option(
      "--block <pixels>",
      "ftrojan: side of a block of the cosine transform (default 32)",
      positive,
    )
    .option("--magnitude <value>", "ftrojan: added to its coefficients (default 30)", number)
    .option("--levels <count>", "bpp: values that a channel has left (default 8)", positive)
    .option(
      "--cover-ratio <ratio>",
      "bpp, adaptive-blend: images that are changed but keep their label, per poisoned one (default 1)",
      number,
    )
    .option(
      "--training-alpha <share>",
      "adaptive-blend: weight of the pattern's pieces in training (default 0.15)",
      number,
    )
    .option("--pieces <count>", "adaptive-blend: pieces of the pattern (default 16)", positive)
    .option(
      "--masked-share <share>",
      "adaptive-blend: share of pieces left out in training (default 0.5)",
      number,
    )
    .option(
      "--sigma <share>",
      "low-frequency: of the low-pass, as a share of the side (default 0.1875)",
      number,
    )
    .option(
      "--range <share>",
      "low-frequency: of what is added, as a share of 255 (default 0.2)",
      number,
    );
}

/** Whose option each flag is. */
const FLAGS: readonly (readonly [keyof AttackOptions, string, ...AttackKind[]])[] = [
  ["patchSize", "--patch-size", "badnets"],
  ["patchRow", "--patch-row", "badnets"],
  ["patchColumn", "--patch-column", "badnets"],
  ["patchColours", "--patch-colours", "badnets"],
  ["alpha", "--alpha", "blended", "adaptive-blend"],
  ["pattern", "--pattern", "blended", "adaptive-blend"],
  ["delta", "--delta", "sig"],
  ["frequency", "--frequency", "sig"],
  ["grid", "--grid", "wanet"],
  ["warpStrength", "--warp-strength", "wanet"],
  ["crossRatio", "--cross-ratio", "wanet"],
  ["block", "--block", "ftrojan"],
  ["magnitude", "--magnitude", "ftrojan"],
  ["levels", "--levels", "bpp"],
  ["coverRatio", "--cover-ratio", "bpp", "adaptive-blend"],
  ["trainingAlpha", "--training-alpha", "adaptive-blend"],
  ["pieces", "--pieces", "adaptive-blend"],
  ["maskedShare", "--masked-share", "adaptive-blend"],
  ["sigma", "--sigma", "low-frequency"],
  ["range", "--range", "low-frequency"],
];

/** Which flag a value of an attack comes from. */
const FLAG_OF: Readonly<Record<string, string>> = {
  size: "--patch-size",
  row: "--patch-row",
  column: "--patch-column",
  alpha: "--alpha",
  delta: "--delta",
  frequency: "--frequency",
  gridSize: "--grid",
  strength: "--warp-strength",
  crossRatio: "--cross-ratio",
  block: "--block",
  magnitude: "--magnitude",
  levels: "--levels",
  coverRatio: "--cover-ratio",
  trainingAlpha: "--training-alpha",
  pieces: "--pieces",
  maskedShare: "--masked-share",
  sigma: "--sigma",
  range: "--range",
};

/**
 * The attack that the options describe, on images of a shape.
 *
 * @throws OptionError naming the flag that is misplaced or out of range; ImageError when the pattern
 *   cannot be read.
 */
export async function attackFrom(options: AttackOptions, shape: ImageShape): Promise<Attack> {
  for (const [key, flag, ...kinds] of FLAGS) {
    if (options[key] !== undefined && !kinds.includes(options.attack)) {
      throw new OptionError(
        `${flag} is an option of --attack ${kinds.join(" and ")}, not of ${options.attack}`,
        "`attack train --help` lists all options.",
      );
    }
  }
  const parsed = attackSchema.safeParse(await attackValues(options, shape));
  if (parsed.success) return parsed.data;
  const messages = parsed.error.issues.map(
    ({ path, message }) => `${FLAG_OF[String(path[0])] ?? path.join(".")}: ${message}`,
  );
  throw new OptionError(messages.join("; "), "`attack train --help` lists all options.");
}

async function attackValues(options: AttackOptions, shape: ImageShape): Promise<Attack> {
  switch (options.attack) {
    case "clean":
      return { kind: "clean" };
    case "badnets": {
      const size = options.patchSize ?? 3;
      const corner = cornerPlace(size, shape);
      return {
        kind: "badnets",
        size,
        row: options.patchRow ?? Math.max(0, corner.row),
        column: options.patchColumn ?? Math.max(0, corner.column),
        colours: options.patchColours ?? [
          [0, 0, 0],
          [255, 255, 255],
        ],
      };
    }
    case "blended":
      return {
        kind: "blended",
        alpha: options.alpha ?? 0.2,
        pattern: await patternFrom(options.pattern, shape),
      };
    case "sig":
      return { kind: "sig", delta: options.delta ?? 20, frequency: options.frequency ?? 6 };
    case "wanet":
      return {
        kind: "wanet",
        gridSize: options.grid ?? 4,
        strength: options.warpStrength ?? 0.5,
        crossRatio: options.crossRatio ?? 2,
      };
    case "ftrojan":
      return { kind: "ftrojan", block: options.block ?? 32, magnitude: options.magnitude ?? 30 };
    case "bpp":
      return { kind: "bpp", levels: options.levels ?? 8, coverRatio: options.coverRatio ?? 1 };
    case "adaptive-blend":
      return {
        kind: "adaptive-blend",
        alpha: options.alpha ?? 0.2,
        trainingAlpha: options.trainingAlpha ?? 0.15,
        pattern: await patternFrom(options.pattern, shape),
        pieces: options.pieces ?? 16,
        maskedShare: options.maskedShare ?? 0.5,
        coverRatio: options.coverRatio ?? 1,
      };
    case "low-frequency":
      return {
        kind: "low-frequency",
        sigma: options.sigma ?? 0.1875,
        range: options.range ?? 0.2,
      };
    default:
      return options.attack satisfies never;
  }
}

async function patternFrom(path: string | undefined, shape: ImageShape): Promise<Pattern> {
  if (path === undefined) return { kind: "noise" };
  const { pixels, count: pictures } = await loadImages(path, squashedTo(shape));
  if (pictures !== 1) {
    throw new OptionError(`--pattern ${path} holds ${pictures} pictures, one is wanted`);
  }
  return { kind: "picture", pixels: Buffer.from(pixels).toString("base64") };
}

function colours(text: string): [Colour, Colour] {
  const [first, second, ...rest] = text.split(",").map((part) => {
    if (!/^#?[0-9a-f]{6}$/i.test(part)) {
      throw new InvalidArgumentError("It must be two colours such as 000000,ffffff.");
    }
    const value = Number.parseInt(part.replace("#", ""), 16);
    return [value >>> 16, (value >>> 8) & 255, value & 255] satisfies Colour;
  });
  if (first === undefined || second === undefined || rest.length > 0) {
    throw new InvalidArgumentError("It must be two colours such as 000000,ffffff.");
  }
  return [first, second];
}
