import { number } from "../options/option-values.ts";
import type { SettingGroup } from "./setting.ts";

/** How updates travel and are combined. */
export const AGGREGATION_SETTINGS: SettingGroup = {
  title: "Updates",
  settings: [
    {
      path: "aggregation.rule.kind",
      flag: "--rule",
      argument: "<kind>",
      reads: "choice",
      help: "how updates are combined",
    },
    {
      path: "aggregation.rule.clipNorm",
      flag: "--clip-norm",
      argument: "<norm>",
      reads: number,
      help: "most an update's L2 norm may be",
    },
    {
      path: "aggregation.rule.root",
      flag: "--root",
      argument: "<organisation>",
      reads: String,
      help: "whose updates fltrust believes: your own, by the organisation of their invites",
      missing: () =>
        "make an invite of your own with `invite --organisation NAME`, and name it here",
    },
    {
      path: "aggregation.rule.iterations",
      flag: "--rule-iterations",
      argument: "<n>",
      reads: number,
      help: "steps towards the point that the rule looks for",
    },
    {
      path: "aggregation.rule.smoothing",
      flag: "--smoothing",
      argument: "<distance>",
      reads: number,
      help: "least distance that is told from none",
    },
    {
      path: "aggregation.rule.radius",
      flag: "--clip-radius",
      argument: "<norm>",
      reads: number,
      help: "how far an update may be from where a step begins",
      unset: "the median distance",
    },
    {
      path: "aggregation.rule.noise",
      flag: "--rule-noise",
      argument: "<share>",
      reads: number,
      help: "standard deviation of the noise, as a share of the median norm",
    },
    {
      path: "aggregation.hostile",
      flag: "--hostile",
      argument: "<n>",
      reads: number,
      help: "invites that may be in hostile hands: what robust rules are made to bear",
    },
    {
      path: "aggregation.mixing.kind",
      flag: "--mixing",
      argument: "<kind>",
      reads: "choice",
      help: "what is done to updates before the rule sees them",
    },
    {
      path: "aggregation.mixing.size",
      flag: "--bucket-size",
      argument: "<n>",
      reads: number,
      help: "updates in a bucket",
    },
    {
      path: "aggregation.server.kind",
      flag: "--server",
      argument: "<kind>",
      reads: "choice",
      help: "server optimiser",
    },
    {
      path: "aggregation.server.learningRate",
      flag: "--server-learning-rate",
      argument: "<rate>",
      reads: number,
      help: "of the server optimiser",
    },
    {
      path: "aggregation.server.momentum",
      flag: "--server-momentum",
      argument: "<share>",
      reads: number,
      help: "of the server optimiser",
      misplaced: "is for {kinds}; adam and yogi have moments of their own",
    },
    {
      path: "codec",
      flag: "--codec",
      argument: "<kind>",
      reads: "choice",
      help: "how updates travel",
    },
  ],
};
