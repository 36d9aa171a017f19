import { campaignConfigSchema } from "../../../../protocol/round/campaign-config.ts";
import type { BenchResult, CurvePoint } from "../../../bench/cleanse/result.ts";

const config = campaignConfigSchema.parse({
  model: "a".repeat(64),
  preprocessing: { mean: [0.5, 0.5, 0.5], std: [0.25, 0.25, 0.25] },
});

/** A result as a run of three rounds gives it, regrowing from 10 % to the ASR it ends with. */
export function aResult(
  changes: Partial<BenchResult> & { readonly asr?: number } = {},
): BenchResult {
  const { asr = 0.05, ...rest } = changes;
  const asrs = [0.1, (0.1 + asr) / 2, asr];
  return {
    format: "scour-cleanse-1",
    run: "0123456789abcdef",
    case: "signs",
    strategy: "default",
    control: null,
    seed: 1,
    participants: 8,
    digests: {
      model: "a".repeat(64),
      pool: "b".repeat(64),
      test: "c".repeat(64),
      triggered: "d".repeat(64),
    },
    target: 0,
    classes: 43,
    pool: { file: "pool.bin", swapped: false, size: null, skew: null, shares: [10, 10] },
    overrides: [],
    config,
    middleRadius: 0.072,
    before: { acc: 0.97, asr: 1, ra: 0 },
    after: { acc: 0.95, asr, ra: 0.9, agreement: 0.96 },
    der: (1 - asr - 0.02 + 1) / 2,
    testImages: 100,
    curve: asrs.map((at, index) => pointAt(index, at, index === asrs.length - 1)),
    choice: null,
    alarm: null,
    stopped: null,
    strengths: [1],
    images: 4000,
    seconds: 20,
    imagesPerSecond: 200,
    machine: "a machine",
    engine: "WebAssembly",
    threads: 1,
    commit: "abcdef012345",
    finishedAt: "2026-01-02T03:04:05.000Z",
    ...rest,
  };
}

/** Agreement under perturbation falls as ASR rises. */
function pointAt(round: number, asr: number, judging: boolean): CurvePoint {
  const trainingLoss = judging ? null : 0.5 - 0.1 * round;
  const perturbed = 0.9 - asr / 2;
  return {
    round,
    leg: "main",
    candidate: 0,
    roundOfLeg: round,
    judging,
    acc: 0.95,
    asr,
    ra: 0.9,
    trainingLoss,
    trainingAgreement: judging ? null : 0.9,
    heldOut: {
      images: 64,
      loss: 0.4,
      agreement: 0.95,
      transferRate: asr / 2,
      perturbed: [{ radius: 0.072, agreement: perturbed, topClass: 0, topShare: asr }],
      medians: {
        trainingLoss,
        loss: 0.4,
        agreement: 0.95,
        transferRate: asr / 2,
        reach: 1,
        bendReach: null,
        perturbed: [{ radius: 0.072, agreement: perturbed }],
      },
    },
  };
}
