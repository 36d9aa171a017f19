import type { SettingGroup } from "./setting.ts";

/** What a campaign is called, and what becomes of its result. */
export const CAMPAIGN_SETTINGS: SettingGroup = {
  title: "The campaign",
  settings: [
    {
      path: "name",
      flag: "--name",
      argument: "<text>",
      reads: String,
      help: "what people call the campaign",
    },
    {
      path: "shareResult",
      flag: "--share-result",
      sets: true,
      help: "participants may fetch the cleansed model for 30 days after the end",
    },
  ],
};
