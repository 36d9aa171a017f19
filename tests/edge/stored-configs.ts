const COMMON = {
  name: "a test",
  model: "ab".repeat(32),
  preprocessing: { mean: [0.5, 0.5, 0.5], std: [0.25, 0.25, 0.25] },
  reinit: {
    seed: "cd".repeat(32),
    strategy: { kind: "layerwise", ratios: [0.01, 0.03, 0.09, 0.27], head: 0.1 },
    strength: 1,
  },
  round: { goal: 4, minimum: 2, overSelection: 1.5, deadlineSeconds: 900, maxAttempts: 5 },
  aggregation: {
    rule: { kind: "mean" },
    server: { kind: "sgd", learningRate: 1, momentum: 0 },
    exampleCap: 1280,
  },
  codec: "int8",
};

const DISTILLATION = {
  rounds: 12,
  localSteps: 20,
  batchSize: 64,
  learningRate: 0.03,
  momentum: 0.9,
  weightDecay: 0.0005,
  temperature: { from: 1, to: 4 },
  augmentation: { cropPadding: 4, horizontalFlip: true },
  normGroupSize: 64,
};

const JUDGING = {
  heldOut: 0.1,
  images: 64,
  radii: [0.036, 0.072, 0.145],
  ascents: 12,
  watchAscents: 0,
  stopping: { learningRateShare: 0.1, window: 5, change: 0.003 },
};

const ADDITIVE = {
  weight: 0.15,
  share: 0.5,
  scope: "universal",
  norm: "l2",
  radius: 0.1,
  step: 0.125,
  ascents: 0,
  restartEvery: 40,
};

const BY_SCORE = { granularity: "weight", outliers: 3 };

/** As version 4 stored a campaign with nothing but defaults. */
const VERSION_4 = {
  ...COMMON,
  distillation: {
    ...DISTILLATION,
    adversary: {
      ...ADDITIVE,
      waves: { radius: 0.45, periods: 10 },
      shortcuts: { classes: 3, radius: 0.145, ascents: 12, images: 64 },
      heatMap: { share: 0.5, radius: 0.2, images: 32 },
      lowFrequencies: { share: 0.5, gain: 2 },
      warp: { grid: 8, radius: 0.015625, step: 0.25 },
      bends: { share: 0.5, classes: 3, radius: 0.0234375, ascents: 12, images: 32 },
    },
    sharpness: null,
    headShift: null,
  },
  judging: {
    ...JUDGING,
    regrowth: { action: "fall-back", reach: 0.6, rise: 0.1, most: 0.5, window: 3 },
  },
  probes: { strengths: [0, 1, 2], rounds: 4 },
};

/** Configurations as earlier versions stored them. Never changed: what is stored is not, either. */
export const STORED_CONFIGS: readonly {
  readonly name: string;
  /** As in the column `config_version`. */
  readonly version: number | null;
  readonly config: unknown;
}[] = [
  {
    name: "before there were judging rounds",
    version: null,
    config: { ...COMMON, distillation: DISTILLATION },
  },
  {
    name: "before there were sharpness and head shift, and what copies carry",
    version: null,
    config: {
      ...COMMON,
      distillation: { ...DISTILLATION, adversary: ADDITIVE },
      judging: { ...JUDGING, regrowth: { action: "fall-back", rise: 0.1, window: 3 } },
      probes: { strengths: [0, 1, 2], rounds: 4 },
    },
  },
  {
    name: "when versions began to be kept",
    version: 4,
    config: VERSION_4,
  },
  {
    name: "of version 4 with scores of channels, Adam and regularisers",
    version: 4,
    config: {
      ...VERSION_4,
      reinit: {
        ...COMMON.reinit,
        strategy: { ...COMMON.reinit.strategy, ...BY_SCORE, kind: "lipschitz" },
        strength: "auto",
      },
      distillation: {
        ...VERSION_4.distillation,
        sharpness: { rho: 0.5 },
        headShift: { weight: 0.1 },
      },
      aggregation: {
        rule: { kind: "norm-clipped-mean", clipNorm: 1 },
        server: { kind: "adam", learningRate: 0.01, beta1: 0.9, beta2: 0.99, tau: 0.001 },
        exampleCap: 1280,
      },
    },
  },
  {
    name: "of version 4 with a statistics round and Yogi, and all that can be off",
    version: 4,
    config: {
      ...VERSION_4,
      reinit: {
        ...COMMON.reinit,
        strategy: { ...COMMON.reinit.strategy, ...BY_SCORE, kind: "bn-divergence", images: 512 },
      },
      distillation: { ...VERSION_4.distillation, adversary: null },
      judging: { ...JUDGING, regrowth: null, stopping: null },
      aggregation: {
        ...COMMON.aggregation,
        server: { kind: "yogi", learningRate: 0.01, beta1: 0.9, beta2: 0.99, tau: 0.001 },
      },
    },
  },
  {
    name: "of version 4 with one share everywhere",
    version: 4,
    config: {
      ...VERSION_4,
      reinit: { ...COMMON.reinit, strategy: { kind: "uniform", ratio: 0.1 } },
    },
  },
  {
    name: "of version 6, before images had another size than 32",
    version: 6,
    config: { ...VERSION_4, fit: null, shareResult: false },
  },
  {
    name: "of version 4 with a new head",
    version: 4,
    config: { ...VERSION_4, reinit: { ...COMMON.reinit, strategy: { kind: "head", head: 1 } } },
  },
];
