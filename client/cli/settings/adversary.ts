import { count, number, positive } from "../options/option-values.ts";
import type { SettingGroup } from "./setting.ts";

/** What students are trained against. */
export const ADVERSARY_SETTINGS: SettingGroup = {
  title: "What students are trained against",
  settings: [
    {
      path: "distillation.adversary",
      flag: "--adversary",
      argument: "<on|off>",
      reads: "on-off",
      help: "train to keep the teacher's clean answers under perturbation",
    },
    {
      path: "distillation.adversary.weight",
      flag: "--adversary-weight",
      argument: "<factor>",
      reads: number,
      help: "of its loss beside distillation's",
    },
    {
      path: "distillation.adversary.share",
      flag: "--adversary-share",
      argument: "<share>",
      reads: number,
      help: "of each batch trained on perturbed",
    },
    {
      path: "distillation.adversary.scope",
      flag: "--adversary-scope",
      argument: "<scope>",
      reads: "choice",
      help: "one perturbation for all images, or one each, which needs --adversary-ascents",
    },
    {
      path: "distillation.adversary.norm",
      flag: "--adversary-norm",
      argument: "<norm>",
      reads: "choice",
      help: "how perturbations are measured",
    },
    {
      path: "distillation.adversary.radius",
      flag: "--adversary-radius",
      argument: "<length>",
      reads: number,
      help: "largest perturbation, normalised units: root mean square (l2) or largest value (linf)",
    },
    {
      path: "distillation.adversary.step",
      flag: "--adversary-step",
      argument: "<share>",
      reads: number,
      help: "of the radius, an ascent step",
    },
    {
      path: "distillation.adversary.ascents",
      flag: "--adversary-ascents",
      argument: "<count>",
      reads: count,
      help: "ascent steps before a training step; 0: the training pass itself gives the direction",
    },
    {
      path: "distillation.adversary.restartEvery",
      flag: "--adversary-restart",
      argument: "<steps>",
      reads: positive,
      help: "local steps after which a universal perturbation is drawn anew",
    },
    {
      path: "distillation.adversary.warp.radius",
      flag: "--adversary-warp",
      argument: "<radius|off>",
      reads: number,
      off: "distillation.adversary.warp",
      help:
        "largest displacement of pixels by a universal perturbation, root mean square as a share of " +
        "the image's width",
    },
    {
      path: "distillation.adversary.lowFrequencies.gain",
      flag: "--adversary-low-gain",
      argument: "<factor|off>",
      reads: number,
      off: "distillation.adversary.lowFrequencies",
      help: "how many times longer a universal perturbation may be along low spatial frequencies",
    },
    {
      path: "distillation.adversary.waves.radius",
      flag: "--adversary-waves",
      argument: "<radius|off>",
      reads: number,
      off: "distillation.adversary.waves",
      help: "largest random wave added to what is perturbed, root mean square in normalised units",
    },
    {
      path: "distillation.adversary.heatMap.share",
      flag: "--adversary-heat-map",
      argument: "<share|off>",
      reads: number,
      off: "distillation.adversary.heatMap",
      help: "of the steps, those whose wave is one that misleads the teacher",
    },
    {
      path: "distillation.adversary.shortcuts.classes",
      flag: "--adversary-shortcuts",
      argument: "<classes|off>",
      reads: number,
      off: "distillation.adversary.shortcuts",
      help: "classes towards which perturbations that mislead the teacher are sought, to be trained against",
    },
    {
      path: "distillation.adversary.bends.classes",
      flag: "--adversary-bends",
      argument: "<classes|off>",
      reads: number,
      off: "distillation.adversary.bends",
      help: "classes towards which displacements of pixels that mislead the teacher are sought likewise",
    },
    {
      path: "distillation.adversary.insistence.most",
      flag: "--adversary-insistence",
      argument: "<factor>",
      reads: number,
      help: "most that the term is multiplied by while a student still follows what misleads its teacher; by default it weighs alike",
    },
  ],
};
