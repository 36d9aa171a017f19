import { number, positive } from "../options/option-values.ts";
import type { SettingGroup } from "./setting.ts";

/** Whether participants' pictures fit the model. */
export const FIT_SETTINGS: SettingGroup = {
  title: "Whether pictures fit",
  settings: [
    {
      path: "fit",
      flag: "--fit",
      argument: "<on|off>",
      reads: "on-off",
      help: "ask the teacher first whether participants' pictures look like what it was trained on",
    },
    {
      path: "fit.images",
      flag: "--fit-images",
      argument: "<count>",
      reads: positive,
      help: "most images of a participant that it is asked about",
    },
    {
      path: "fit.distance",
      flag: "--fit-distance",
      argument: "<distance>",
      reads: number,
      help: "of batch-norm statistics from the teacher's, beyond which pictures do not fit",
    },
    {
      path: "fit.entropy",
      flag: "--fit-entropy",
      argument: "<share>",
      reads: number,
      help: "of the entropy of guessing in the teacher's answers, beyond which pictures do not fit where there is no distance",
    },
  ],
};
