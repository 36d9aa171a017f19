import type { SettingPath } from "./setting.ts";

/** A setting that has no flag. */
export interface ApiOnlySetting {
  readonly path: SettingPath;
  readonly help: string;
  /** What holds when it is left out, where the schema gives no default. */
  readonly unset?: string;
  /** Why it has no flag. */
  readonly why: string;
}

const MEASURED = "its flag's other half, measured once";
const SEARCH = "a detail of the search, measured once";
const PAPER = "as in the paper";

/** Settings that the API and `bench:cleanse --set` take, and no flag. */
export const API_ONLY: readonly ApiOnlySetting[] = [
  { path: "model", help: "digest of the model's file", why: "`--model` names the file itself" },
  {
    path: "source",
    help: "what the model's file was called, or where it was fetched",
    unset: "not told",
    why: "`--model` says it",
  },
  {
    path: "distillation.adversary.warp.grid",
    help: "nodes of displacements along each side of the image",
    why: MEASURED,
  },
  {
    path: "distillation.adversary.warp.step",
    help: "length of an ascent step of the warp, as a share of its radius",
    why: MEASURED,
  },
  {
    path: "distillation.adversary.lowFrequencies.share",
    help: "of the frequencies along each side, those that count as low",
    why: MEASURED,
  },
  {
    path: "distillation.adversary.waves.periods",
    help: "most periods of a wave along a side of the image",
    why: MEASURED,
  },
  {
    path: "distillation.adversary.heatMap.radius",
    help: "size of the waves the teacher is asked about",
    why: SEARCH,
  },
  {
    path: "distillation.adversary.heatMap.images",
    help: "most images it is asked about with each",
    why: SEARCH,
  },
  {
    path: "distillation.adversary.shortcuts.radius",
    help: "length of a shortcut: root mean square in normalised units",
    why: SEARCH,
  },
  {
    path: "distillation.adversary.shortcuts.ascents",
    help: "steps of each shortcut's search",
    why: SEARCH,
  },
  {
    path: "distillation.adversary.shortcuts.images",
    help: "most images a shortcut is made on",
    why: SEARCH,
  },
  {
    path: "distillation.adversary.bends.share",
    help: "of the steps, those whose bent copies begin with a bend",
    why: MEASURED,
  },
  {
    path: "distillation.adversary.bends.radius",
    help: "displacements of a bend: root mean square as a share of the image's width",
    why: SEARCH,
  },
  {
    path: "distillation.adversary.bends.ascents",
    help: "steps of each bend's search",
    why: SEARCH,
  },
  {
    path: "distillation.adversary.bends.images",
    help: "most images a bend is made on",
    why: SEARCH,
  },
  {
    path: "distillation.adversary.insistence.tolerated",
    help: "share of images that it may follow before the term weighs more",
    why: MEASURED,
  },
  {
    path: "distillation.adversary.insistence.images",
    help: "most images that it is asked about with each of them",
    why: SEARCH,
  },
  {
    path: "judging.regrowth",
    help: "`null`: the alarm is told as by default, and the campaign never falls back",
    why: "`--regrowth report` does the same",
  },
  { path: "aggregation.server.beta1", help: "decay of the first moment", why: PAPER },
  { path: "aggregation.server.beta2", help: "decay of the second moment", why: PAPER },
  {
    path: "aggregation.server.tau",
    help: "added to the root of the second moment",
    why: PAPER,
  },
  { path: "privacy.kind", help: "how updates hide", why: "there is one way" },
  {
    path: "aggregation.exampleCap",
    help: "most examples an update is weighted with",
    unset: "`localSteps` · `batchSize`",
    why: "the default is what honest participants come to",
  },
];
