import { Command } from "commander";
import { describe, expect, it } from "vitest";
import {
  addCampaignOptions,
  campaignConfig,
} from "../../../../client/cli/options/campaign-options.ts";
import { campaignConfigSchema } from "../../../../protocol/round/campaign-config.ts";

const MODEL = "ab".repeat(32);
const PIXELS = "--mean .4914,.4822,.4465 --std .2470,.2435,.2616";

function parse(line: string) {
  const command = addCampaignOptions(new Command()).exitOverride();
  command.configureOutput({ writeErr: () => {} });
  command.parse(line.split(" "), { from: "user" });
  return campaignConfig(command.opts(), MODEL);
}

describe("options of campaign create", () => {
  it("leaves everything to the coordinator's defaults that is not said", () => {
    expect(parse(PIXELS)).toEqual({
      model: MODEL,
      preprocessing: { mean: [0.4914, 0.4822, 0.4465], std: [0.247, 0.2435, 0.2616] },
    });
  });

  it("puts every option where the schema wants it", () => {
    const seed = "0f".repeat(32);
    const config = campaignConfigSchema.parse(
      parse(
        `${PIXELS} --name demo --reinit layerwise --strength 2 --ratios .01,.02,.03,.04 --head-ratio .5 --seed ${seed} ` +
          "--rounds 7 --local-steps 11 --batch-size 32 --norm-group-size 8 --learning-rate 0.02 --momentum 0.8 --weight-decay 0.001 " +
          "--temperature 2,5 --crop-padding 2 --no-flip --goal 6 --minimum 3 --over-selection 2 --deadline 60 " +
          "--max-attempts 9 --rule norm-clipped-mean --clip-norm 1.5 --server sgd --server-learning-rate 0.5 " +
          "--server-momentum 0.7 --codec f16 --adversary-weight .7 --adversary-share .25 --adversary-scope per-image " +
          "--adversary-norm linf --adversary-radius .05 --adversary-step .2 --adversary-ascents 2 --adversary-restart 9 --adversary-waves .2 --adversary-heat-map .3 --adversary-shortcuts 2 " +
          "--held-out .2 --judging-images 32 --judging-radii .1,.2 --judging-ascents 5 --watch-ascents 2 " +
          "--regrowth report --regrowth-reach .7 --regrowth-rise .2 --regrowth-most .6 --regrowth-window 4 --stopping on --stopping-rate .3 " +
          "--stopping-window 6 --stopping-change .01 --overshoot 1.5 --overshoot-transfer .2 --overshoot-window 2 --pull-back .4 --pull-back-transfer .01 --pull-back-window 4 --sam .5 --head-shift .2 --share-result",
      ),
    );
    expect(config).toEqual({
      name: "demo",
      model: MODEL,
      network: {},
      preprocessing: { mean: [0.4914, 0.4822, 0.4465], std: [0.247, 0.2435, 0.2616] },
      reinit: {
        strategy: { kind: "layerwise", ratios: [0.01, 0.02, 0.03, 0.04], head: 0.5 },
        strength: 2,
        seed,
      },
      distillation: {
        rounds: 7,
        localSteps: 11,
        batchSize: 32,
        normGroupSize: 8,
        learningRate: 0.02,
        momentum: 0.8,
        warmUp: 0,
        weightDecay: 0.001,
        temperature: { from: 2, to: 5 },
        augmentation: { cropPadding: 2, horizontalFlip: false },
        adversary: {
          weight: 0.7,
          share: 0.25,
          scope: "per-image",
          norm: "linf",
          radius: 0.05,
          step: 0.2,
          ascents: 2,
          restartEvery: 9,
          lowFrequencies: null,
          insistence: null,
          warp: null,
          waves: { radius: 0.2, periods: 10 },
          heatMap: { share: 0.3, radius: 0.2, images: 32 },
          shortcuts: { classes: 2, radius: 0.145, ascents: 12, images: 64 },
          bends: null,
        },
        sharpness: { rho: 0.5 },
        headShift: { weight: 0.2 },
      },
      fit: { images: 256, distance: 0.15, entropy: 0.75 },
      judging: {
        heldOut: 0.2,
        images: 32,
        radii: [0.1, 0.2],
        ascents: 5,
        watchAscents: 2,
        regrowth: { action: "report", reach: 0.7, rise: 0.2, most: 0.6, window: 4 },
        stopping: { learningRateShare: 0.3, window: 6, change: 0.01 },
        overshoot: { factor: 1.5, transfer: 0.2, window: 2 },
        pullBack: { share: 0.4, transfer: 0.01, window: 4 },
      },
      probes: { strengths: [0, 1, 2], rounds: 4 },
      round: { goal: 6, minimum: 3, overSelection: 2, deadlineSeconds: 60, maxAttempts: 9 },
      aggregation: {
        rule: { kind: "norm-clipped-mean", clipNorm: 1.5 },
        hostile: 1,
        mixing: { kind: "none" },
        server: { kind: "sgd", learningRate: 0.5, momentum: 0.7 },
      },
      codec: "f16",
      shareResult: true,
      trial: null,
    });
  });

  it.each([
    ["--reinit lipschitz", { kind: "lipschitz", granularity: "weight", outliers: 3 }],
    [
      "--reinit lipschitz --granularity channel --outliers 2.5 --ratios .1,.2 --head-ratio .3",
      {
        kind: "lipschitz",
        granularity: "channel",
        outliers: 2.5,
        ratios: [0.1, 0.2],
        head: 0.3,
      },
    ],
    [
      "--reinit bn-divergence --statistics-images 64 --outliers 2",
      { kind: "bn-divergence", granularity: "weight", outliers: 2, images: 64 },
    ],
    ["--granularity channel", { kind: "layerwise", granularity: "channel" }],
    [
      "--reinit uniform --ratio .1 --granularity channel",
      { kind: "uniform", ratio: 0.1, granularity: "channel" },
    ],
    ["--reinit head", { kind: "head", head: 1 }],
    ["--reinit head --head-ratio .5", { kind: "head", head: 0.5 }],
  ])("takes %s", (line, strategy) => {
    const { reinit } = campaignConfigSchema.parse(parse(`${PIXELS} ${line}`));
    expect(reinit.strategy).toEqual(strategy);
  });

  it("takes strength auto with its probes, and what is switched off", () => {
    const auto = `${PIXELS} --strength auto --probe-strengths .5,3 --probe-rounds 2`;
    const config = campaignConfigSchema.parse(parse(`${auto} --adversary off --stopping off`));
    expect(config).toMatchObject({
      reinit: { strength: "auto" },
      probes: { strengths: [0.5, 3], rounds: 2 },
      distillation: { adversary: null },
      judging: { stopping: null, regrowth: { action: "fall-back" } },
    });
    const on = campaignConfigSchema.parse(parse(`${PIXELS} --adversary on`));
    expect(on.distillation.adversary).toMatchObject({
      scope: "universal",
      lowFrequencies: { share: 0.5, gain: 2 },
      warp: { grid: 8, radius: 0.015625, step: 0.25 },
      waves: { radius: 0.45, periods: 10 },
      heatMap: { share: 0.5, radius: 0.2, images: 32 },
      shortcuts: { classes: 3, radius: 0.145, ascents: 12, images: 64 },
      bends: { share: 0.5, classes: 3, radius: 0.0234375, ascents: 12, images: 32 },
    });
    const adversary = (text: string) =>
      campaignConfigSchema.parse(parse(`${PIXELS} --adversary-${text}`)).distillation.adversary!;
    expect(adversary("warp off").warp).toBeNull();
    expect(adversary("waves off")).toMatchObject({ waves: null, heatMap: null });
    expect(adversary("heat-map off").heatMap).toBeNull();
    expect(adversary("bends off").bends).toBeNull();
    expect(adversary("bends 5").bends).toMatchObject({ share: 0.5, classes: 5 });
    expect(adversary("warp off")).toMatchObject({ warp: null, bends: null });
    expect(adversary("shortcuts off").shortcuts).toBeNull();
    expect(adversary("shortcuts 5").shortcuts).toMatchObject({ classes: 5, radius: 0.145 });
    expect(adversary("waves .2").waves).toEqual({ radius: 0.2, periods: 10 });
    expect(adversary("warp .03").warp).toEqual({ grid: 8, radius: 0.03, step: 0.25 });
    expect(adversary("low-gain off").lowFrequencies).toBeNull();
    expect(adversary("low-gain 3").lowFrequencies).toEqual({ share: 0.5, gain: 3 });
    expect(adversary("norm linf").lowFrequencies).toBeNull();
  });

  it("takes adam and yogi with their own defaults", () => {
    const { aggregation } = campaignConfigSchema.parse(parse(`${PIXELS} --server yogi`));
    expect(aggregation.server).toMatchObject({ kind: "yogi", beta1: 0.9, tau: 1e-3 });
  });

  it.each([
    [`${PIXELS} --resize-to 8`, /--resize-to: .*16/],
    [`${PIXELS} --interpolation nearest --antialias on`, /--antialias: .*no filter/],
    [`${PIXELS} --ratio .1`, /--ratio needs --reinit uniform/],
    [`${PIXELS} --reinit uniform`, /--ratio is needed/],
    [`${PIXELS} --reinit uniform --ratio .1 --ratios .1,.2`, /--ratios is for/],
    [`${PIXELS} --reinit head --ratios .1,.2`, /--ratios is for/],
    [`${PIXELS} --reinit head --granularity channel`, /--granularity means nothing/],
    [`${PIXELS} --outliers 3`, /--outliers needs --reinit lipschitz/],
    [`${PIXELS} --reinit lipschitz --ratio .1`, /--ratio needs --reinit uniform/],
    [`${PIXELS} --reinit lipschitz --outliers .5`, /--outliers: must be 0 for none/],
    [`${PIXELS} --reinit bnp`, /--reinit.*layerwise, uniform, lipschitz, bn-divergence, head/],
    [`${PIXELS} --reinit lipschitz --statistics-images 64`, /needs --reinit bn-divergence/],
    [`${PIXELS} --reinit bn-divergence --statistics-images 8`, /--statistics-images.*32/],
    [`${PIXELS} --granularity layer`, /--granularity.*weight, channel/],
    [`${PIXELS} --clip-norm 2`, /--clip-norm needs/],
    [`${PIXELS} --rule norm-clipped-mean`, /--clip-norm is needed/],
    [`${PIXELS} --server adam --server-momentum .9`, /--server-momentum is for/],
    [`${PIXELS} --strength -1`, /--strength: /],
    [`${PIXELS} --strength some`, /--strength.*number/],
    [`${PIXELS} --probe-strengths 0,1`, /--probe-strengths needs --strength auto/],
    [`${PIXELS} --strength 2 --probe-rounds 3`, /--probe-rounds needs --strength auto/],
    [`${PIXELS} --strength auto --probe-strengths 1`, /--probe-strengths: /],
    [`${PIXELS} --strength auto --probe-strengths 1,1`, /--probe-strengths: must differ/],
    [`${PIXELS} --adversary off --adversary-step .1`, /--adversary-step means nothing/],
    [`${PIXELS} --adversary maybe`, /--adversary.*on, off/],
    [`${PIXELS} --adversary-scope per-image`, /--adversary-ascents: per-image/],
    [
      `${PIXELS} --adversary-scope per-image --adversary-ascents 1 --adversary-warp .02`,
      /--adversary-warp: only a universal/,
    ],
    [
      `${PIXELS} --adversary-norm linf --adversary-low-gain 3`,
      /--adversary-low-gain: only a universal/,
    ],
    [`${PIXELS} --sam 0`, /--sam: /],
    [`${PIXELS} --sam much`, /--sam.*must be a number/],
    [`${PIXELS} --head-shift -1`, /--head-shift: /],
    [`${PIXELS} --head-shift .1 --local-steps 1`, /--head-shift: .*at least 2 local steps/],
    [`${PIXELS} --adversary-warp 2`, /--adversary-warp: /],
    [`${PIXELS} --adversary-waves 0`, /--adversary-waves: /],
    [`${PIXELS} --adversary-bends 0`, /--adversary-bends: /],
    [`${PIXELS} --adversary-warp off --adversary-bends 3`, /--adversary-bends: .*warp/],
    [`${PIXELS} --adversary-heat-map 2`, /--adversary-heat-map: /],
    [`${PIXELS} --adversary-waves off --adversary-heat-map .5`, /--adversary-heat-map: .*waves/],
    [`${PIXELS} --adversary-shortcuts 1.5`, /--adversary-shortcuts: /],
    [`${PIXELS} --adversary off --adversary-warp off`, /--adversary-warp means nothing/],
    [`${PIXELS} --adversary-warp on`, /--adversary-warp.*must be a number/],
    [`${PIXELS} --adversary-radius 0`, /--adversary-radius: /],
    [`${PIXELS} --judging-radii .2,.1`, /--judging-radii: must grow/],
    [`${PIXELS} --held-out .9`, /--held-out: /],
    [`${PIXELS} --stopping off --stopping-window 3`, /--stopping-window means nothing/],
    [`${PIXELS} --head-ratio 2`, /--head-ratio: /],
    [`${PIXELS} --ratios .1,2`, /--ratios: /],
    [`${PIXELS} --momentum 1`, /--momentum: /],
    [`${PIXELS} --goal 2 --minimum 3`, /--minimum: minimum must not exceed goal/],
    [`${PIXELS} --batch-size 1`, /--batch-size: /],
    [`${PIXELS} --norm-group-size 1`, /--norm-group-size: /],
    [`${PIXELS} --norm-group-size 24`, /--norm-group-size: normGroupSize must divide batchSize/],
    [`${PIXELS} --batch-size 30 --norm-group-size 16`, /--norm-group-size: .*divide/],
    [`${PIXELS} --seed abc`, /--seed: must be 32 bytes/],
    [`${PIXELS} --temperature 0,4`, /--temperature: /],
    ["--mean .5,.5,.5 --std .2,0,.2", /--std: /],
    [`${PIXELS} --server-learning-rate 0`, /--server-learning-rate: /],
    [`${PIXELS} --rule norm-clipped-mean --clip-norm 0`, /--clip-norm: /],
    [`${PIXELS} --rounds many`, /--rounds.*whole number/],
    [`${PIXELS} --rounds 0`, /--rounds.*at least 1/],
    [`${PIXELS} --learning-rate 1e`, /--learning-rate.*number/],
    [`${PIXELS} --temperature 1`, /--temperature.*2 numbers/],
    [`${PIXELS} --codec f64`, /--codec.*f32, f16, int8/],
    ["--mean .5,.5 --std .2,.2,.2", /--mean: must be one number a channel: 3/],
    ["--mean .5,,.5 --std .2,.2,.2", /--mean.*commas/],
    [`${PIXELS} --clip 3`, /unknown option '--clip'/],
  ])("refuses %s and names the flag", (line, message) => {
    expect(() => parse(line)).toThrow(message);
  });
});
