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
