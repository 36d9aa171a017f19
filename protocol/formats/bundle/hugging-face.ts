import type { NetworkSettings } from "../../model/network-settings.ts";
import { networkSettingsSchema } from "../../model/network-settings.ts";
import type { PreprocessingDefaults } from "../../model/preprocessing-defaults.ts";
import type { Finding } from "../finding.ts";
import { changedSets } from "../networks/changed-sets.ts";
import type { FolderModel } from "./folder-format.ts";
import { isObject, readJson, type Folder, type Json } from "./folder.ts";

/** What lies beside a model's weights in the folders of Hugging Face. */
export const CONFIG = "config.json";
export const PREPROCESSOR = "preprocessor_config.json";

/**
 * A model with what Hugging Face's files beside its weights say of it: what its classes are called, the
 * answers to what tensors do not tell, how it sees pictures. Without such files, the model as it is.
 *
 * @throws ProtocolError `malformed-model` for one that is not JSON.
 */
export async function withHuggingFace(folder: Folder, model: FolderModel): Promise<FolderModel> {
  const [config, seen] = [
    await readIfThere(folder, CONFIG),
    await readIfThere(folder, PREPROCESSOR),
  ];
  if (config === undefined && seen === undefined) return model;
  return withSaid(model, config, seen);
}

function withSaid(
  model: FolderModel,
  config: Json | undefined,
  seen: Json | undefined,
): FolderModel {
  const { sets } = model;
  const classNames = model.classNames ?? (config && classNamesOf(config));
  const network = model.network ?? (config && networkOf(config));
  const preprocessing = model.preprocessing ?? (seen && preprocessingOf(seen));
  return {
    ...model,
    kind: `${model.kind}, as on Hugging Face`,
    findings: [...model.findings, ...(seen === undefined ? [] : notTaken(seen))],
    ...(sets && { sets: changedSets(sets, (set) => withSaid(set, config, seen)) }),
    ...(classNames && { classNames }),
    ...(network && { network }),
    ...(preprocessing && { preprocessing }),
  };
}

async function readIfThere(folder: Folder, name: string): Promise<Json | undefined> {
  return folder.names.includes(name) ? (await readJson(folder, name)).content : undefined;
}

/** `id2label`, unless it says nothing (`LABEL_0`). */
function classNamesOf({ id2label: labels }: Json): readonly string[] | undefined {
  if (!isObject(labels)) return undefined;
  const names = Object.keys(labels).map((_, index) => labels[String(index)]);
  const isTold = names.some((name, index) => name !== `LABEL_${index}`);
  return isTold && names.every((name) => typeof name === "string") ? names : undefined;
}

type Answered = (config: Json) => unknown;

const ACTIVATIONS: Readonly<Record<string, NetworkSettings["activation"]>> = {
  gelu: "gelu",
  gelu_new: "gelu-tanh",
  gelu_pytorch_tanh: "gelu-tanh",
  gelu_fast: "gelu-tanh",
  relu: "relu",
  silu: "silu",
  swish: "silu",
};

const activation: Answered = ({ hidden_act: name }) => ACTIVATIONS[String(name)];
const epsilon: Answered = (config) => config["layer_norm_eps"];
const heads: Answered = (config) => config["num_attention_heads"];
const size: Answered = (config) => config["image_size"];

/** What the families are asked for under whose names Hugging Face's models come, by `model_type`. */
const ANSWERS: Readonly<
  Record<string, Readonly<Partial<Record<keyof NetworkSettings, Answered>>>>
> = {
  vit: { activation, epsilon, heads, size },
  deit: { activation, epsilon, heads, size },
  convnext: { epsilon, size },
};

function networkOf(config: Json): NetworkSettings | undefined {
  const answers = ANSWERS[String(config["model_type"])];
  if (answers === undefined) return undefined;
  const given = Object.entries(answers).flatMap(([key, answered]) => {
    const value = answered(config);
    const alone = networkSettingsSchema.safeParse({ [key]: value });
    return alone.success && value !== undefined ? [[key, value]] : [];
  });
  return given.length === 0 ? undefined : (Object.fromEntries(given) as NetworkSettings);
}

/** Pillow's numbers of filters. */
const FILTERS: Readonly<Record<number, PreprocessingDefaults["interpolation"]>> = {
  0: "nearest",
  2: "bilinear",
  3: "bicubic",
};

const isNumber = (value: unknown): value is number =>
  typeof value === "number" && Number.isFinite(value);

/** Of a size, which is a number or an object of sides. */
function side(told: unknown, ...keys: readonly string[]): number | undefined {
  if (isNumber(told)) return told;
  return isObject(told) ? keys.map((key) => told[key]).find(isNumber) : undefined;
}

/** Below this side ConvNeXt's pictures are resized to side/crop_pct first. */
const WHOLE_FROM = 384;

function preprocessingOf(seen: Json): Partial<PreprocessingDefaults> {
  const { resample } = seen;
  const interpolation = isNumber(resample) ? FILTERS[resample] : undefined;
  return {
    ...(interpolation && { interpolation, antialias: interpolation !== "nearest" }),
    ...framingOf(seen),
    ...pixelsOf(seen),
  };
}

function framingOf(seen: Json): Partial<Pick<PreprocessingDefaults, "crop" | "resize">> {
  const shortest = isObject(seen["size"]) ? side(seen["size"], "shortest_edge") : undefined;
  const share = seen["crop_pct"];
  if (shortest !== undefined && isNumber(share)) {
    return shortest < WHOLE_FROM && share > 0 && share <= 1
      ? { resize: "shorter-side", crop: share }
      : { resize: "squash", crop: 1 };
  }
  const resized = side(seen["size"], "shortest_edge", "height");
  const cropped = seen["do_center_crop"] === true ? side(seen["crop_size"], "height") : undefined;
  if (resized === undefined) return {};
  const resize = shortest === undefined && isObject(seen["size"]) ? "squash" : undefined;
  return {
    ...(shortest !== undefined && { resize: "shorter-side" as const }),
    ...(resize && { resize }),
    crop: cropped === undefined || !(cropped > 0 && cropped < resized) ? 1 : cropped / resized,
  };
}

function areNumbers(values: unknown): values is number[] {
  return Array.isArray(values) && values.length > 0 && values.every(isNumber);
}

function pixelsOf(seen: Json): Partial<Pick<PreprocessingDefaults, "mean" | "range" | "std">> {
  const range = rangeOf(seen);
  if (seen["do_normalize"] === false) return { range, mean: [0, 0, 0], std: [1, 1, 1] };
  const { image_mean: mean, image_std: std } = seen;
  const isPair = areNumbers(mean) && areNumbers(std) && mean.length === std.length;
  return isPair && std.every((value) => value > 0) ? { range, mean, std } : { range };
}

/** Whether a factor is 1/divisor, but for rounding. */
const isOneBy = (divisor: number, factor: unknown): boolean =>
  isNumber(factor) && Math.abs(factor * divisor - 1) < 1e-3;

function rangeOf(seen: Json): PreprocessingDefaults["range"] {
  if (seen["do_rescale"] === false) return "bytes";
  const isSymmetric = seen["rescale_offset"] === true && isOneBy(127.5, seen["rescale_factor"]);
  return isSymmetric ? "symmetric" : "unit";
}

/** What the preprocessing says that Scour has no word for. */
function notTaken(seen: Json): Finding[] {
  const odd: string[] = [];
  const { resample, rescale_factor: factor } = seen;
  if (isNumber(resample) && FILTERS[resample] === undefined) odd.push(`resample ${resample}`);
  const isKnown = rangeOf(seen) !== "unit" || isOneBy(255, factor);
  if (factor !== undefined && !isKnown) odd.push(`rescale_factor ${String(factor)}`);
  if (seen["do_resize"] === false) odd.push("do_resize false");
  if (odd.length === 0) return [];
  return [
    {
      rule: "preprocessing-not-taken",
      level: "warning",
      message: `${PREPROCESSOR} has ${odd.join(" and ")}, which is not taken: say with flags how the model sees pictures`,
      where: PREPROCESSOR,
    },
  ];
}
