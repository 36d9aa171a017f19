import type { BenchResult, CurvePoint } from "../result.ts";
import { spearman } from "../spearman.ts";
import type { Table } from "./table.ts";

/** A round with the campaign's middle norm. */
interface Sample {
  readonly point: CurvePoint;
  readonly middleRadius: number;
  readonly asr: number;
}

interface Score {
  readonly name: string;
  readonly of: (sample: Sample) => number | null | undefined;
  /** It is meant to be near ASR itself. */
  readonly estimates?: true;
}

/**
 * How far each label-free score tells of the attack: Spearman's rank correlation with ASR, over the
 * last students of all campaigns, and over every student that was judged on the way.
 */
export function correlationTable(results: readonly BenchResult[]): Table {
  const every = results.flatMap(samplesOf);
  const last = every.filter(({ point }) => point.judging && point.leg === "main");
  return {
    title: "Which scores tell of the backdoor",
    caption:
      "Spearman's rank correlation with ASR, and the number of students it is over. A score that tells of a backdoor is near −1 (agreement under perturbation falls as ASR rises) or near 1. The last column is how far the share is from ASR itself, the mean over all students, in points.",
    head: ["score", "last students", "n", "students of all rounds", "n", "off ASR by"],
    rows: scoresOf(every).map(({ name, of, estimates }) => {
      const columns = [last, every].flatMap((samples) => {
        const pairs = pairsOf(samples, of);
        return [spearman(pairs)?.toFixed(2).replace("-", "−") ?? "–", String(pairs.length)];
      });
      const off = estimates === true ? distance(pairsOf(every, of)) : "";
      return [name].concat(columns, off);
    }),
  };
}

type Pair = readonly [score: number, asr: number];

function pairsOf(samples: readonly Sample[], of: Score["of"]): Pair[] {
  return samples.flatMap((sample) => {
    const value = of(sample);
    return value === null || value === undefined ? [] : [[value, sample.asr] as const];
  });
}

/** Mean absolute difference, in points. */
function distance(pairs: readonly Pair[]): string {
  if (pairs.length === 0) return "–";
  const sum = pairs.reduce((total, [score, asr]) => total + Math.abs(score - asr), 0);
  return ((100 * sum) / pairs.length).toFixed(1);
}

function samplesOf({ after, curve, middleRadius }: BenchResult): Sample[] {
  return curve.flatMap((point) => {
    // The last student is judged in any case, the others as often as was asked for.
    const asr = point.judging && point.leg === "main" ? after.asr : point.asr;
    return asr === null ? [] : [{ point, middleRadius, asr }];
  });
}

function scoresOf(samples: readonly Sample[]): Score[] {
  const perturbed = ({ point }: Sample, radius: number) =>
    point.heldOut?.perturbed.find((at) => at.radius === radius);
  const radii = new Set(
    samples.flatMap(({ point }) => point.heldOut?.perturbed.map(({ radius }) => radius) ?? []),
  );
  return [
    {
      name: "share of the teacher's mistakes inherited",
      of: ({ point }) => point.heldOut?.transferRate,
      estimates: true,
    },
    {
      name: "agreement less that",
      of: ({ point: { heldOut } }) =>
        heldOut === null || heldOut.transferRate === null
          ? null
          : heldOut.agreement - heldOut.transferRate,
    },
    {
      name: "agreement under perturbation of the middle norm",
      of: (sample) => perturbed(sample, sample.middleRadius)?.agreement,
    },
    {
      name: "share of the flips that go to one class",
      of: (sample) => perturbed(sample, sample.middleRadius)?.topShare,
    },
    { name: "agreement on held-out images", of: ({ point }) => point.heldOut?.agreement },
    { name: "distillation loss on held-out images", of: ({ point }) => point.heldOut?.loss },
    { name: "distillation loss of the round's steps", of: ({ point }) => point.trainingLoss },
    ...[...radii]
      .sort((a, b) => a - b)
      .map((radius) => ({
        name: `agreement under perturbation of norm ${radius}`,
        of: (sample: Sample) => perturbed(sample, radius)?.agreement,
      })),
  ];
}
