/** A part of a stored configuration, as JSON. */
type Json = Readonly<Record<string, unknown>>;

/** A configuration as some version wrote it: of what is in it, this much is known of every one. */
export interface StoredConfig extends Json {
  readonly preprocessing: Json;
  readonly distillation: Json & {
    readonly augmentation: Json;
    readonly adversary?: Json | null | undefined;
  };
  readonly network?: Json;
  readonly aggregation?: Json;
  readonly judging?: Json & { readonly regrowth?: Json | null | undefined };
}

type Upgrade = (config: StoredConfig) => StoredConfig;

/**
 * Before there were judging rounds. Its campaign goes on as it was planned: without adversary, scores
 * and decisions. What is asked about it all the same has the values that came with them.
 */
const judging: Upgrade = (config) => {
  if (config.judging !== undefined) return config;
  return {
    ...config,
    distillation: { ...config.distillation, adversary: null },
    judging: {
      // A share that holds out no image: nobody scores (SPEC J1).
      heldOut: Number.MIN_VALUE,
      images: 64,
      radii: [0.036, 0.072, 0.145],
      ascents: 12,
      watchAscents: 0,
      regrowth: null,
      stopping: null,
    },
    probes: { strengths: [0, 1, 2], rounds: 4 },
  };
};

/** Before there were sharpness-aware steps and a head shift (SPEC D10, D11). */
const regularisers: Upgrade = (config) => ({
  ...config,
  distillation: { sharpness: null, headShift: null, ...config.distillation },
});

/** Before copies carried anything but an additive perturbation in a round ball (SPEC D9). */
const whatCopiesCarry: Upgrade = ({ distillation, ...config }) => ({
  ...config,
  distillation: {
    ...distillation,
    adversary: distillation.adversary && {
      lowFrequencies: null,
      warp: null,
      waves: null,
      heatMap: null,
      shortcuts: null,
      bends: null,
      ...distillation.adversary,
    },
  },
});

/**
 * Before a large transfer rate was an alarm by itself, and before an alarm looked at the teacher
 * (SPEC J6): any is allowed, and any teacher will do.
 */
const regrowthLimits: Upgrade = (config) => ({
  ...config,
  judging: {
    ...config.judging,
    regrowth: config.judging?.regrowth && { most: 1, reach: 0, ...config.judging.regrowth },
  },
});

/** Before participants' pictures were looked at (SPEC F): they are not. */
const pictures: Upgrade = (config) => ({ fit: null, ...config });

/** Before the cleansed model could be shared with participants (SPEC A9): it is not. */
const sharing: Upgrade = (config) => ({ shareResult: false, ...config });

/** Before there was anything to ask about a network: its family had one form (SPEC G4). */
const network: Upgrade = (config) => ({ network: {}, ...config });

/** Before pictures were anything but squashed to 32 pixels (SPEC N). */
const preparation: Upgrade = ({ preprocessing, ...config }) => ({
  ...config,
  preprocessing: {
    resize: "squash",
    resizeTo: 32,
    interpolation: "bilinear",
    antialias: true,
    channelOrder: "rgb",
    range: "unit",
    ...preprocessing,
  },
});

/** Before images were cropped and enlarged (SPEC D6): they are not. */
const resizedCrops: Upgrade = ({ distillation, ...config }) => ({
  ...config,
  distillation: {
    ...distillation,
    augmentation: { resizedCrop: null, ...distillation.augmentation },
  },
});

/** Before robust rules (SPEC O7 to O9): there was nothing to bear, and nothing was mixed. */
const robustRules: Upgrade = ({ aggregation, ...config }) => ({
  ...config,
  aggregation: { hostile: 1, mixing: { kind: "none" }, ...aggregation },
});

/** Before what a round came to was tried (SPEC K): it is not. */
const trials: Upgrade = (config) => ({ trial: null, ...config });

/** Before a student went on past where training led (SPEC J13): none does. */
const overshoot: Upgrade = (config) => ({
  ...config,
  judging: { overshoot: null, ...config.judging },
});

/** Before a student could go back part of the way to its teacher (SPEC J14): none does. */
const pullBack: Upgrade = (config) => ({
  ...config,
  judging: { pullBack: null, ...config.judging },
});

/** Before copies weighed more where students still follow (SPEC D9.17): they weigh alike. */
const insistence: Upgrade = ({ distillation, ...config }) => ({
  ...config,
  distillation: {
    ...distillation,
    adversary: distillation.adversary && { insistence: null, ...distillation.adversary },
  },
});

/** Before the learning rate rose to its schedule (SPEC D2): it begins at its peak. */
const warmUp: Upgrade = ({ distillation, ...config }) => ({
  ...config,
  distillation: { warmUp: 0, ...distillation },
});

/**
 * Before several networks in a file were compared (SPEC G5): one was taken by where it stands (T5), and is,
 * unless the configuration says which.
 */
const prefix: Upgrade = (config) => ({ ...config, network: { prefix: null, ...config.network } });

/**
 * The one at index n makes of a configuration of version n one of version n + 1, so that a campaign
 * that is under way goes on as it was planned. Never change an entry: add one, whenever what is stored
 * changes its form or gains a key that a campaign from before must not have at its default.
 *
 * Before versions were kept, all of the first four wrote 0, which says nothing: each of those fills in
 * what is not there. From the fifth on an upgrade meets its own version and no other.
 */
export const CONFIG_UPGRADES: readonly Upgrade[] = [
  judging,
  regularisers,
  whatCopiesCarry,
  regrowthLimits,
  pictures,
  sharing,
  network,
  preparation,
  resizedCrops,
  robustRules,
  trials,
  overshoot,
  pullBack,
  insistence,
  warmUp,
  prefix,
];
