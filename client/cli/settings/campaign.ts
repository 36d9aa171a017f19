import { numbersOf } from "../options/option-values.ts";
import type { SettingGroup } from "./setting.ts";

const PIXEL_STATISTICS =
  "Give the pixel statistics the model was trained with, x = (pixel/255 − mean)/std per channel; " +
  "with others the model answers wrongly and is cleansed towards wrong answers. " +
  "CIFAR-10 models mostly use --mean .4914,.4822,.4465 --std .2470,.2435,.2616.";

/** What a campaign is called, and what its model was trained to expect. */
export const CAMPAIGN_SETTINGS: SettingGroup = {
  title: "The campaign and its model",
  settings: [
    {
      path: "name",
      flag: "--name",
      argument: "<text>",
      reads: String,
      help: "what people call the campaign",
    },
    {
      path: "preprocessing.mean",
      flag: "--mean",
      argument: "<r,g,b>",
      reads: numbersOf(3, "r,g,b"),
      help: "pixel mean the model was trained with",
      missing: PIXEL_STATISTICS,
    },
    {
      path: "preprocessing.std",
      flag: "--std",
      argument: "<r,g,b>",
      reads: numbersOf(3, "r,g,b"),
      help: "pixel deviation the model was trained with",
      missing: PIXEL_STATISTICS,
    },
    {
      path: "shareResult",
      flag: "--share-result",
      sets: true,
      help: "participants may fetch the cleansed model for 30 days after the end",
    },
  ],
};
