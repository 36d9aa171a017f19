import { number, positive } from "../options/option-values.ts";
import type { SettingGroup } from "./setting.ts";

/** When a round ends. */
export const ROUND_SETTINGS: SettingGroup = {
  title: "Rounds",
  settings: [
    {
      path: "round.goal",
      flag: "--goal",
      argument: "<count>",
      reads: positive,
      help: "accepted updates that end a round",
    },
    {
      path: "round.minimum",
      flag: "--minimum",
      argument: "<count>",
      reads: positive,
      help: "fewer at the deadline void it",
      unset: "half the goal",
    },
    {
      path: "round.overSelection",
      flag: "--over-selection",
      argument: "<factor>",
      reads: number,
      help: "assignments per goal handed out",
    },
    {
      path: "round.deadlineSeconds",
      flag: "--deadline",
      argument: "<seconds>",
      reads: number,
      help: "from a round's first assignment",
    },
    {
      path: "round.maxAttempts",
      flag: "--max-attempts",
      argument: "<count>",
      reads: positive,
      help: "void attempts before it pauses itself",
    },
  ],
};
