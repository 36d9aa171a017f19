import { count, number, numbers, positive } from "../options/option-values.ts";
import type { SettingGroup } from "./setting.ts";

/** How students are scored, and what a campaign decides by the scores. */
export const JUDGING_SETTINGS: SettingGroup = {
  title: "Scores and decisions",
  settings: [
    {
      path: "judging.heldOut",
      flag: "--held-out",
      argument: "<share>",
      reads: number,
      help: "of a participant's images, to score with",
    },
    {
      path: "judging.images",
      flag: "--judging-images",
      argument: "<count>",
      reads: positive,
      help: "most images it scores with",
    },
    {
      path: "judging.radii",
      flag: "--judging-radii",
      argument: "<list>",
      reads: numbers,
      help: "growing norms at which students are judged, root mean square in normalised units",
    },
    {
      path: "judging.ascents",
      flag: "--judging-ascents",
      argument: "<count>",
      reads: positive,
      help: "ascent steps at each norm",
    },
    {
      path: "judging.watchAscents",
      flag: "--watch-ascents",
      argument: "<count>",
      reads: count,
      help: "ascent steps at the middle norm before each training round, for a curve; decisions do without",
    },
    {
      path: "judging.regrowth.action",
      flag: "--regrowth",
      argument: "<action>",
      reads: "choice",
      help:
        "when the backdoor seems to grow back, or never to have left: fall back to the best round, or " +
        "only report it",
    },
    {
      path: "judging.regrowth.reach",
      flag: "--regrowth-reach",
      argument: "<share>",
      reads: number,
      help:
        "of images that the smallest perturbation has to lead to one class in the teacher before there " +
        "is an alarm; 0: any",
    },
    {
      path: "judging.regrowth.rise",
      flag: "--regrowth-rise",
      argument: "<share>",
      reads: number,
      help:
        "how far the share of the teacher's mistakes that students make too is above its least when it " +
        "is an alarm",
    },
    {
      path: "judging.regrowth.most",
      flag: "--regrowth-most",
      argument: "<share>",
      reads: number,
      help: "how large that share may be at all; 1: as large as it likes",
    },
    {
      path: "judging.regrowth.window",
      flag: "--regrowth-window",
      argument: "<rounds>",
      reads: positive,
      help: "rounds averaged for the alarm",
    },
    {
      path: "judging.stopping",
      flag: "--stopping",
      argument: "<on|off>",
      reads: "on-off",
      help: "stop when the scores stand still",
    },
    {
      path: "judging.stopping.learningRateShare",
      flag: "--stopping-rate",
      argument: "<share>",
      reads: number,
      help: "of the peak learning rate, below which stopping is looked at",
    },
    {
      path: "judging.stopping.window",
      flag: "--stopping-window",
      argument: "<rounds>",
      reads: positive,
      help: "rounds in each mean compared",
    },
    {
      path: "judging.stopping.change",
      flag: "--stopping-change",
      argument: "<share>",
      reads: number,
      help: "less than this is standing still",
    },
    {
      path: "judging.overshoot.factor",
      flag: "--overshoot",
      argument: "<factor|off>",
      reads: number,
      off: "judging.overshoot",
      help:
        "two thirds through, students that still make the teacher's mistakes go on, to so many times as " +
        "far from the teacher; where nothing is re-initialised",
    },
    {
      path: "judging.overshoot.transfer",
      flag: "--overshoot-transfer",
      argument: "<share>",
      reads: number,
      help: "of the teacher's mistakes, above which they do",
    },
    {
      path: "judging.overshoot.window",
      flag: "--overshoot-window",
      argument: "<rounds>",
      reads: positive,
      help: "rounds averaged for that",
    },
    {
      path: "judging.pullBack.share",
      flag: "--pull-back",
      argument: "<share>",
      reads: number,
      help:
        "two thirds through, students that make hardly any of the teacher's mistakes go back, to this share " +
        "of the way from the teacher, where nothing is re-initialised; by default none does",
    },
    {
      path: "judging.pullBack.transfer",
      flag: "--pull-back-transfer",
      argument: "<share>",
      reads: number,
      help: "of the teacher's mistakes, up to which they do",
    },
    {
      path: "judging.pullBack.window",
      flag: "--pull-back-window",
      argument: "<rounds>",
      reads: positive,
      help: "rounds averaged for that",
    },
  ],
};
