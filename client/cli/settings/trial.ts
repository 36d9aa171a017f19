import { positive } from "../options/option-values.ts";
import type { SettingGroup } from "./setting.ts";

/** Whether what a round came to is tried before it is the student. */
export const TRIAL_SETTINGS: SettingGroup = {
  title: "Trying what a round came to",
  settings: [
    {
      path: "trial.voters",
      flag: "--trial",
      argument: "<voters>",
      reads: positive,
      help: "at most so many participants look at what a training round came to before it is the student, and whose updates spoil it are left out; by default nobody does",
    },
  ],
};
