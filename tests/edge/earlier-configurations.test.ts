import { describe, expect, it } from "vitest";
import { readConfig } from "../../edge/campaign/store/stored-config.ts";
import {
  campaignConfigSchema,
  type CampaignConfig,
  type CampaignConfigInput,
} from "../../protocol/round/campaign-config.ts";

const PREPROCESSING = {
  resize: "squash",
  resizeTo: 32,
  interpolation: "bilinear",
  antialias: true,
  channelOrder: "rgb",
  range: "unit",
  mean: [0, 0, 0],
  std: [1, 1, 1],
} as const;

const AUGMENTATION = { cropPadding: 4, resizedCrop: null, horizontalFlip: true };

/** One of today's, from which tests take what an earlier version did not write. */
const configWith = (distillation: CampaignConfigInput["distillation"]): CampaignConfig =>
  campaignConfigSchema.parse({
    model: "ab".repeat(32),
    network: { prefix: null },
    preprocessing: PREPROCESSING,
    distillation: { augmentation: AUGMENTATION, ...distillation },
  });

describe("a configuration from before there were sharpness and head shift", () => {
  it("[C1.1] reads as without them, and as it was otherwise", () => {
    const config = configWith({});
    const { headShift, sharpness, ...distillation } = config.distillation;
    expect([headShift, sharpness]).toEqual([null, null]);
    expect(readConfig({ ...config, distillation }, null)).toEqual({ config, unjudged: false });
    const sharp = { ...config.distillation, sharpness: { rho: 1 } };
    const { config: read } = readConfig({ ...config, distillation: sharp }, null);
    expect(read.distillation).toEqual(sharp);
  });
});

describe("a configuration from before there were low frequencies, warps and what copies carry", () => {
  it("[C1.1] reads as without them, and as it was otherwise", () => {
    const config = configWith({});
    const { lowFrequencies, warp, waves, heatMap, shortcuts, bends, ...adversary } =
      config.distillation.adversary!;
    expect([lowFrequencies, warp, waves, heatMap, shortcuts, bends]).not.toContain(null);
    const distillation = { ...config.distillation, adversary };
    const { config: read } = readConfig({ ...config, distillation }, null);
    expect(read.distillation.adversary).toEqual({
      ...adversary,
      lowFrequencies: null,
      warp: null,
      waves: null,
      heatMap: null,
      shortcuts: null,
      bends: null,
    });
    const warped = { ...config.distillation, adversary: { ...adversary, warp } };
    expect(
      readConfig({ ...config, distillation: warped }, null).config.distillation.adversary,
    ).toEqual({
      ...adversary,
      lowFrequencies: null,
      warp,
      waves: null,
      heatMap: null,
      shortcuts: null,
      bends: null,
    });
  });
});

describe("a configuration from before a large transfer rate was an alarm, and the teacher's weakness its condition", () => {
  it("[C1.1] reads as one that allows any, and as it was otherwise", () => {
    const config = configWith({});
    const { most, reach, ...regrowth } = config.judging.regrowth!;
    expect([most, reach]).toEqual([0.5, 0.6]);
    const judging = { ...config.judging, regrowth };
    const { config: read } = readConfig({ ...config, judging }, null);
    expect(read).toEqual({
      ...config,
      judging: { ...judging, regrowth: { ...regrowth, most: 1, reach: 0 } },
    });
    const never = { ...config, judging: { ...config.judging, regrowth: null } };
    expect(readConfig(never, null).config).toEqual(never);
  });
});

describe("a configuration from before participants' pictures were looked at", () => {
  it("[C1.1] [F1] reads as one that does not ask about them", () => {
    const { fit, ...config } = configWith({});
    expect(fit).not.toBeNull();
    expect(readConfig(config, 4).config).toEqual({ ...config, fit: null });
  });
});

describe("a configuration from before pictures were anything but squashed to 32 pixels", () => {
  it("[C1.1] [N1] reads as one of such images, and as it was otherwise", () => {
    const pixels = { mean: [0.5, 0.4, 0.3], std: [1, 2, 3] };
    const config = campaignConfigSchema.parse({
      model: "ab".repeat(32),
      network: { prefix: null },
      preprocessing: pixels,
      distillation: { augmentation: AUGMENTATION },
    });
    const { config: read } = readConfig(config, 7);
    expect(read).toEqual({ ...config, preprocessing: { ...PREPROCESSING, ...pixels } });
  });
});

describe("a configuration from before images were cropped and enlarged", () => {
  it("[C1.1] [D6.4] reads as one that does not, whatever the size of its images", () => {
    const { resizedCrop, ...before } = AUGMENTATION;
    const config = campaignConfigSchema.parse({
      model: "ab".repeat(32),
      preprocessing: PREPROCESSING,
      distillation: { augmentation: before },
    });
    const { augmentation } = readConfig(config, 8).config.distillation;
    expect(augmentation).toEqual({ ...before, resizedCrop });
  });
});

describe("a configuration from before copies could weigh more, and the learning rate rose", () => {
  it("[C1.1] [D2] [D9.17] reads as one whose copies weigh alike and whose rate begins at its peak", () => {
    const config = configWith({ warmUp: 0.25, adversary: { insistence: {} } });
    const { adversary: today, warmUp, ...distillation } = config.distillation;
    const { insistence, ...adversary } = today!;
    expect([warmUp, insistence]).toEqual([0.25, { tolerated: 0.05, most: 4, images: 64 }]);
    const stored = { ...config, distillation: { ...distillation, adversary } };
    expect(readConfig(stored, null).config.distillation).toEqual({
      ...distillation,
      warmUp: 0,
      adversary: { ...adversary, insistence: null },
    });
  });
});
