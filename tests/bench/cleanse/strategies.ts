import type { CampaignConfigInput } from "../../../protocol/round/campaign-config.ts";

/** What a strategy says of a campaign; the rest is as in a campaign created without options. */
type ConfigPatch = Partial<
  Pick<CampaignConfigInput, "reinit" | "distillation" | "judging" | "probes" | "aggregation">
>;

export type ControlKind = "reinit-only" | "fine-tune";

/** A row of the bench's table. */
export type Strategy = {
  /** For people, in a few words. */
  readonly about: string;
} & (
  | { readonly kind: "campaign"; readonly patch: ConfigPatch }
  /** No campaign, but what one is held against. */
  | { readonly kind: "control"; readonly control: ControlKind; readonly labels: boolean }
);

function campaign(about: string, patch: ConfigPatch): Strategy {
  return { kind: "campaign", about, patch };
}

/** Plain distillation: what the BCU release does. */
const PLAIN = { distillation: { adversary: null } } as const satisfies ConfigPatch;

/**
 * Share of all weights for `uniform`: what the layer-wise ratios come to in a ResNet-18, whose last
 * stage holds three quarters of them.
 */
const UNIFORM_RATIO = 0.2;

/**
 * Relative length of a sharpness-aware step's detour. FT-SAM's 2 is for a ResNet-18 of width 64; what
 * it moves each weight by goes with 1/√weights, so that at width 16 this is as much.
 */
const RHO = 0.5;

/** Everything that `--strategies` knows, by name. */
export const STRATEGIES: Readonly<Record<string, Strategy>> = {
  default: campaign("a campaign created without options", {}),
  auto: campaign("as default, strength chosen by probes", { reinit: { strength: "auto" } }),
  bcu: campaign("layer-wise re-initialisation and plain distillation (Pang et al. 2023)", {
    reinit: { strength: 1 },
    ...PLAIN,
  }),
  bcu2: campaign("bcu with doubled ratios", { reinit: { strength: 2 }, ...PLAIN }),
  "bcu-auto": campaign("bcu, strength chosen by probes", {
    reinit: { strength: "auto" },
    ...PLAIN,
  }),
  "distil-only": campaign("plain distillation, nothing re-initialised", {
    reinit: { strength: 0 },
    ...PLAIN,
  }),
  layerwise: campaign("as default, re-initialised by depth as bcu is", { reinit: { strength: 1 } }),
  insistence: campaign("as default, copies weigh more while a student still follows", {
    distillation: { adversary: { insistence: {} } },
  }),
  "warm-up": campaign("as default, the learning rate rises over a quarter of the steps", {
    distillation: { warmUp: 0.25 },
  }),
  "no-overshoot": campaign("as default, no student goes further than training leads it", {
    judging: { overshoot: null },
  }),
  "pull-back": campaign("as default, and a student goes back half the way to its teacher", {
    judging: { pullBack: {} },
  }),
  lipschitz: campaign("by channel Lipschitz score (CLP; Zheng et al. 2022)", {
    reinit: { strategy: { kind: "lipschitz" }, strength: 1 },
  }),
  "lipschitz-plain": campaign("lipschitz without adversary", {
    reinit: { strategy: { kind: "lipschitz" }, strength: 1 },
    ...PLAIN,
  }),
  bnp: campaign("by divergence of batch-norm statistics on the pool (BNP; Zheng et al. 2022b)", {
    reinit: { strategy: { kind: "bn-divergence" }, strength: 1 },
  }),
  "bnp-plain": campaign("bnp without adversary", {
    reinit: { strategy: { kind: "bn-divergence" }, strength: 1 },
    ...PLAIN,
  }),
  channel: campaign("layer-wise, whole output channels", {
    reinit: { strategy: { kind: "layerwise", granularity: "channel" }, strength: 1 },
  }),
  "channel-plain": campaign("channel without adversary", {
    reinit: { strategy: { kind: "layerwise", granularity: "channel" }, strength: 1 },
    ...PLAIN,
  }),
  head: campaign("the head alone, all of it (FST; Min et al. 2023)", {
    reinit: { strategy: { kind: "head" }, strength: 1 },
  }),
  "head-plain": campaign("head without adversary", {
    reinit: { strategy: { kind: "head" }, strength: 1 },
    ...PLAIN,
  }),
  uniform: campaign("the same share of every layer", {
    reinit: { strategy: { kind: "uniform", ratio: UNIFORM_RATIO }, strength: 1 },
  }),
  "uniform-plain": campaign("uniform without adversary", {
    reinit: { strategy: { kind: "uniform", ratio: UNIFORM_RATIO }, strength: 1 },
    ...PLAIN,
  }),
  linf: campaign("the adversary in an L∞ ball", {
    distillation: { adversary: { norm: "linf" } },
  }),
  // Without SAU's term of the teacher's own answers to the perturbed image.
  "per-image": campaign("a perturbation an image, two ascents (SAU; Wei et al. 2023)", {
    distillation: { adversary: { scope: "per-image", ascents: 2, step: 0.5 } },
  }),
  // By normalised gradient steps where ABD takes Adam's.
  "eval-ascent": campaign(
    "an ascent in evaluation mode before each step (self-retrospection of ABD; Hong et al. 2023)",
    { distillation: { adversary: { ascents: 1 } } },
  ),
  "round-ball": campaign("as default, low frequencies like all others", {
    distillation: { adversary: { lowFrequencies: null } },
  }),
  additive: campaign("as default, without copies that are warped", {
    distillation: { adversary: { warp: null } },
  }),
  "no-waves": campaign("as default, without random waves on copies", {
    distillation: { adversary: { waves: null } },
  }),
  "waves-shortcuts": campaign("as default, with neither a heat map nor bends", {
    distillation: { adversary: { heatMap: null, bends: null } },
  }),
  "no-heat-map": campaign("as default, waves drawn at random alone", {
    distillation: { adversary: { heatMap: null } },
  }),
  "no-bends": campaign("as default, without what bends images and misleads the teacher", {
    distillation: { adversary: { bends: null } },
  }),
  "no-shortcuts": campaign("as default, without what misleads the teacher on copies", {
    distillation: { adversary: { shortcuts: null } },
  }),
  "no-patterns": campaign("as default, without waves and what misleads the teacher", {
    distillation: { adversary: { waves: null, shortcuts: null, bends: null } },
  }),
  sam: campaign("as default, with sharpness-aware steps (FT-SAM; Zhu et al. 2023)", {
    distillation: { sharpness: { rho: RHO } },
  }),
  "sam-plain": campaign("bcu with sharpness-aware steps", {
    reinit: { strength: 1 },
    distillation: { adversary: null, sharpness: { rho: RHO } },
  }),
  fst: campaign("head-plain with head shift (FST; Min et al. 2023)", {
    reinit: { strategy: { kind: "head" }, strength: 1 },
    distillation: { adversary: null, headShift: { weight: 0.1 } },
  }),
  "reinit-only": {
    kind: "control",
    control: "reinit-only",
    labels: false,
    about: "the first student, not trained",
  },
  "fine-tune": {
    kind: "control",
    control: "fine-tune",
    labels: true,
    about: "the teacher trained on the whole pool WITH labels",
  },
};
