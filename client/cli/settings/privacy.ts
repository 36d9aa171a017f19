import { keys, number, positive } from "../options/option-values.ts";
import type { SettingGroup } from "./setting.ts";

/** Whether updates hide in sums that nobody but two operators together could take apart. */
export const PRIVACY_SETTINGS: SettingGroup = {
  title: "Updates that hide in sums",
  settings: [
    {
      path: "privacy.helper.url",
      flag: "--helper",
      argument: "<url>",
      reads: String,
      help: "address of a helper (`scour helper`) that another organisation runs: the coordinator then learns sums of updates and no participant's own; takes --rule mean --codec f32, and all the flags below it",
    },
    {
      path: "privacy.helper.key",
      flag: "--helper-key",
      argument: "<key>",
      reads: String,
      help: "the helper's key, as it says at its start; compare its fingerprint with those who run it",
    },
    {
      path: "privacy.organisations",
      flag: "--pin",
      argument: "<keys>",
      reads: keys,
      help: "keys of the organisations that vouch for participants (`scour organisation`), two or more, with commas",
    },
    {
      path: "privacy.minimum",
      flag: "--hide-among",
      argument: "<count>",
      reads: positive,
      help: "fewest participants whose sum may be opened: 3 where it is left out",
    },
    {
      path: "privacy.clipNorm",
      flag: "--shorten-to",
      argument: "<norm>",
      reads: number,
      help: "most an update's L2 norm may be; its participant shortens a longer one before it hides it",
    },
  ],
};
