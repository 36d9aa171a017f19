import type { ImageShape } from "../../../protocol/model/graph.ts";
import { numbers, onOff, positive } from "../options/option-values.ts";
import type { SettingGroup } from "./setting.ts";

/** What to say where they are missing, and for images of CIFAR-10's shape what they mostly are. */
function pixelStatistics({ channels, height }: ImageShape): string {
  const isGrey = channels === 1;
  const isLikeCifar = !isGrey && height === 32;
  return (
    "Give the pixel statistics the model was trained with, x = (pixel/255 − mean)/std" +
    `${isGrey ? ": one number each, for its one channel" : " per channel"}; ` +
    "with others the model answers wrongly and is cleansed towards wrong answers." +
    (isLikeCifar
      ? " CIFAR-10 models mostly use --mean .4914,.4822,.4465 --std .2470,.2435,.2616."
      : "")
  );
}

const FAMILY = "its family's";
const FAMILY_OR_NONE = "its family's, where all are alike";

/** How the model was trained to see pictures. */
export const PREPROCESSING_SETTINGS: SettingGroup = {
  title: "What the model was trained with",
  settings: [
    {
      path: "preprocessing.resize",
      flag: "--resize",
      argument: "<how>",
      reads: "choice",
      help: "whether pictures keep their proportions and are cropped, or are squashed",
      unset: FAMILY,
    },
    {
      path: "preprocessing.resizeTo",
      flag: "--resize-to",
      argument: "<pixels>",
      reads: positive,
      help: "what pictures are resized to before the middle is cropped to --image-size",
      unset: FAMILY,
    },
    {
      path: "preprocessing.interpolation",
      flag: "--interpolation",
      argument: "<filter>",
      reads: "choice",
      help: "how pictures are resized",
      unset: FAMILY,
    },
    {
      path: "preprocessing.antialias",
      flag: "--antialias",
      argument: "<on|off>",
      reads: onOff,
      help: "whether that filter widens when shrinking: on in Pillow, off in OpenCV and on tensors",
      unset: FAMILY,
    },
    {
      path: "preprocessing.channelOrder",
      flag: "--channel-order",
      argument: "<order>",
      reads: "choice",
      help: "order of the colours it reads",
      unset: FAMILY,
    },
    {
      path: "preprocessing.range",
      flag: "--value-range",
      argument: "<range>",
      reads: "choice",
      help: "what a pixel is before mean and std: 0 to 1, 0 to 255 or −1 to 1",
      unset: FAMILY,
    },
    {
      path: "preprocessing.mean",
      flag: "--mean",
      argument: "<r,g,b>",
      reads: numbers,
      help: "pixel mean it was trained with, one number a channel",
      unset: FAMILY_OR_NONE,
      missing: pixelStatistics,
    },
    {
      path: "preprocessing.std",
      flag: "--std",
      argument: "<r,g,b>",
      reads: numbers,
      help: "pixel deviation it was trained with, one number a channel",
      unset: FAMILY_OR_NONE,
      missing: pixelStatistics,
    },
  ],
};
