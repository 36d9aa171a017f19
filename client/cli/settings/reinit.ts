import { NETWORK_FLAGS } from "../../../protocol/model/network-settings.ts";
import { DEFAULT_HEAD_RATIO, defaultStageRatio } from "../../../protocol/reinit/strategy.ts";
import { count, number, numberOrAuto, numbers, positive } from "../options/option-values.ts";
import type { SettingGroup } from "./setting.ts";

const PROBED = { path: "reinit.strength", is: "auto" } as const;

/** Which values of the teacher the student loses, and how many. */
export const REINIT_SETTINGS: SettingGroup = {
  title: "Re-initialisation",
  settings: [
    {
      path: "reinit.strategy.kind",
      flag: "--reinit",
      argument: "<strategy>",
      reads: "choice",
      help:
        "which weights are re-initialised: by depth (layerwise), alike everywhere (uniform), by channel " +
        "Lipschitz score (lipschitz), by how far participants' images lie from the teacher's batch-norm " +
        "statistics (bn-divergence), or the head alone (head)",
    },
    {
      path: "reinit.strategy.granularity",
      flag: "--granularity",
      argument: "<unit>",
      reads: "choice",
      help: "whether single weights or whole output channels are drawn",
      unset: "weight",
      misplaced: "means nothing with {given}, which touches no convolution",
    },
    {
      path: "reinit.strategy.outliers",
      flag: "--outliers",
      argument: "<deviations>",
      reads: number,
      help:
        "channels that many standard deviations above their layer's mean are re-initialised whole; " +
        "0 for none",
      misplaced: "needs {kinds}, which score channels",
    },
    {
      path: "reinit.strategy.images",
      flag: "--statistics-images",
      argument: "<images>",
      reads: count,
      help: "most images a participant measures, at least 32",
      misplaced: "needs {kinds}, which measures images",
    },
    {
      path: "reinit.strength",
      flag: "--strength",
      argument: "<factor|auto>",
      reads: numberOrAuto,
      help:
        "multiplies every re-initialisation ratio: at 0 the student begins as the teacher; 1 when left out " +
        "where one of --reinit, --ratios and the like is given; auto: short probes decide",
    },
    {
      path: "reinit.strategy.ratios",
      flag: "--ratios",
      argument: "<list>",
      reads: numbers,
      help: "share per depth stage, shallowest first",
      unset: [1, 2, 3, 4].map(defaultStageRatio).join(","),
      misplaced: "is for {kinds}",
    },
    {
      path: "reinit.strategy.head",
      flag: "--head-ratio",
      argument: "<share>",
      reads: number,
      help: "share of the classification head",
      unset: String(DEFAULT_HEAD_RATIO),
      misplaced: "is for {kinds}",
    },
    {
      path: "reinit.strategy.ratio",
      flag: "--ratio",
      argument: "<share>",
      reads: number,
      help: "share of all weights",
    },
    {
      path: "reinit.seed",
      flag: "--seed",
      argument: "<hex>",
      reads: String,
      help: "32 bytes that decide the re-initialisation",
      unset: "random",
    },
    {
      path: "network.standInNorms",
      flag: NETWORK_FLAGS.standInNorms,
      sets: false,
      help:
        "train convolutions as an ONNX file or TensorFlow.js graph model has them, where their batch norms " +
        "may have been folded away, without norms that stand in for these",
      unset: "norms stand in",
    },
    {
      path: "probes.strengths",
      flag: "--probe-strengths",
      argument: "<list>",
      reads: numbers,
      help: "strengths that are tried",
      needs: PROBED,
    },
    {
      path: "probes.rounds",
      flag: "--probe-rounds",
      argument: "<count>",
      reads: positive,
      help: "training rounds of each probe",
      needs: PROBED,
    },
  ],
};
