import type { NetworkSettings } from "../../model/network-settings.ts";
import type { PreprocessingDefaults } from "../../model/preprocessing-defaults.ts";
import type { Finding } from "../finding.ts";
import { isRecord, type PickleValue } from "../pickle/pickle-values.ts";
import { textEntries } from "./records.ts";

/** Longest text that is taken for metadata. */
const MOST_CHARACTERS = 4096;

/** What a checkpoint says beside its tensors. */
export interface CheckpointHints {
  readonly metadata: ReadonlyMap<string, string>;
  readonly network?: NetworkSettings;
  readonly preprocessing?: Partial<PreprocessingDefaults>;
  readonly findings: readonly Finding[];
}

/** By what BackdoorBench takes from pixels and divides them by, for each data set it names (its HEAD of 2025). */
const BACKDOORBENCH: Readonly<Record<string, Pick<PreprocessingDefaults, "mean" | "std">>> = {
  cifar10: { mean: [0.4914, 0.4822, 0.4465], std: [0.247, 0.243, 0.261] },
  cifar100: { mean: [0.5071, 0.4865, 0.4409], std: [0.2673, 0.2564, 0.2762] },
  mnist: { mean: [0.5], std: [0.5] },
  tiny: { mean: [0.4802, 0.4481, 0.3975], std: [0.2302, 0.2265, 0.2262] },
  gtsrb: { mean: [0, 0, 0], std: [1, 1, 1] },
  celeba: { mean: [0, 0, 0], std: [1, 1, 1] },
  imagenet: { mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] },
};

/**
 * Numbers and texts at a checkpoint's top, by their keys; of `attack_result.pt`, which BackdoorBench and
 * BCU write, also the size of its images and the normalisation of its data set (SPEC T6).
 */
export function checkpointHints(root: PickleValue): CheckpointHints {
  const entries = isRecord(root, "dict") ? textEntries(root) : new Map<string, PickleValue>();
  const metadata = new Map<string, string>();
  for (const [key, value] of entries) {
    const isPlain =
      typeof value === "number" || typeof value === "boolean" || typeof value === "string";
    if (isPlain && String(value).length <= MOST_CHARACTERS) metadata.set(key, String(value));
  }
  const isAttackResult = ["model_name", "num_classes", "model", "img_size", "clean_data"].every(
    (key) => entries.has(key),
  );
  if (!isAttackResult) return { metadata, findings: [] };
  const side = sideOf(entries.get("img_size"));
  const dataSet = metadata.get("clean_data") ?? "";
  const seen = Object.hasOwn(BACKDOORBENCH, dataSet) ? BACKDOORBENCH[dataSet] : undefined;
  // Its vision transformers enlarge what they are given to the size that their tensors tell.
  const enlarges = /^vit/i.test(metadata.get("model_name") ?? "");
  const preprocessing = { ...seen, ...(enlarges ? ENLARGED : {}) };
  return {
    metadata,
    ...(side === undefined || enlarges ? {} : { network: { size: side } }),
    ...(Object.keys(preprocessing).length === 0 ? {} : { preprocessing }),
    findings: [
      {
        rule: "attack-result",
        level: "note",
        message: `this is an attack_result.pt as BackdoorBench and BCU write it, of '${metadata.get("model_name")}' for ${metadata.get("num_classes")} classes${side === undefined ? "" : `, images of ${side} pixels${enlarges ? ", which its network enlarges" : ""}`}${seen === undefined ? "" : `, normalised as BackdoorBench does ${dataSet}`}: the result can be read as its defense_result.pt`,
      },
    ],
  };
}

/** As `transforms.Resize((224, 224))` before the network does. */
const ENLARGED = { resize: "squash", crop: 1, interpolation: "bilinear" } as const;

/** `[height, width, channels]`, where the first two are alike. */
function sideOf(value: PickleValue | undefined): number | undefined {
  if (!isRecord(value, "list") && !isRecord(value, "tuple")) return undefined;
  const [height, width] = value.items;
  return typeof height === "number" && height === width ? height : undefined;
}
