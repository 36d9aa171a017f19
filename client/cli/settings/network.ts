import { NETWORK_FLAGS } from "../../../protocol/model/network-settings.ts";
import { number, positive } from "../options/option-values.ts";
import type { SettingGroup } from "./setting.ts";

const UNSET = "what is usual for the family";

/** What a file's tensors do not tell of its network. */
export const NETWORK_SETTINGS: SettingGroup = {
  title: "What tensors do not tell",
  settings: [
    {
      path: "network.size",
      flag: NETWORK_FLAGS.size,
      argument: "<pixels>",
      reads: positive,
      help: "side of the images that the model takes",
      unset: UNSET,
    },
    {
      path: "network.stemPool",
      flag: NETWORK_FLAGS.stemPool,
      argument: "<kind>",
      reads: "choice",
      help: "what stands behind the convolution that reads the image",
      unset: UNSET,
    },
    {
      path: "network.stemStride",
      flag: NETWORK_FLAGS.stemStride,
      argument: "<step>",
      reads: positive,
      help: "step of the convolution that reads the image",
      unset: UNSET,
    },
    {
      path: "network.secondStride",
      flag: NETWORK_FLAGS.secondStride,
      argument: "<step>",
      reads: positive,
      help: "step of the second stage: 1 in MobileNets for small images",
      unset: UNSET,
    },
    {
      path: "network.shortcutPadding",
      flag: NETWORK_FLAGS.shortcutPadding,
      argument: "<side>",
      reads: "choice",
      help: "where a shortcut without weights puts its channels of zeros",
      unset: UNSET,
    },
    {
      path: "network.activation",
      flag: NETWORK_FLAGS.activation,
      argument: "<function>",
      reads: "choice",
      help: "what follows most of its layers",
      unset: UNSET,
    },
    {
      path: "network.convPadding",
      flag: NETWORK_FLAGS.convPadding,
      argument: "<kind>",
      reads: "choice",
      help: "where convolutions with a stride have more padding: alike on all sides, or as TensorFlow's `same`",
      unset: UNSET,
    },
    {
      path: "network.heads",
      flag: NETWORK_FLAGS.heads,
      argument: "<count>",
      reads: positive,
      help: "runs of channels that attention treats by themselves",
      unset: UNSET,
    },
    {
      path: "network.epsilon",
      flag: NETWORK_FLAGS.epsilon,
      argument: "<number>",
      reads: number,
      help: "added to the variance in every norm",
      unset: UNSET,
    },
    {
      path: "network.prefix",
      flag: NETWORK_FLAGS.prefix,
      argument: "<name>",
      reads: String,
      help: "what stands before the names of the network that is meant, where a file holds several",
      unset: "the only one that is a classifier",
    },
  ],
};
