import { hexToBytes } from "@noble/hashes/utils.js";
import { inverseNormal } from "../../protocol/random/normal.ts";
import { randomField } from "../../protocol/random/random-field.ts";
import { accumulateFrame } from "../../protocol/update/frame.ts";
import type { Combination } from "../aggregation/combination.ts";
import { combineRun } from "../aggregation/robust/combine-run.ts";
import type { ByteMeter } from "./byte-meter.ts";
import { openedMean } from "./hidden-sum.ts";
import { readLastStep } from "./last-step.ts";
import { eachFrame } from "./read-frames.ts";
import type { CombineWork } from "./slice-work.ts";
import { boundRange, eachStatisticsRange } from "./statistics-ranges.ts";
import { eachUpdateRun, type UpdateRun } from "./update-runs.ts";

type Sum = Extract<Combination, { readonly kind: "sum" }>;

/** Δ of one slice: what the rule makes of all contributions (SPEC O1, O7). */
export async function combinedUpdate(
  bucket: R2Bucket,
  work: CombineWork,
  meter: ByteMeter,
): Promise<Float64Array> {
  const { combination, hidden, slice } = work;
  if (hidden !== undefined) return await openedMean(bucket, { ...work, hidden }, meter);
  const delta = meter.hold(new Float64Array(slice.length));
  if (combination.kind === "coordinates") {
    const { mixtures, rule } = combination;
    await eachRun(bucket, work, meter, ({ from, updates }) => {
      const out = delta.subarray(from, from + updates[0]!.length);
      combineRun(updates, mixtures, rule, out);
    });
    return delta;
  }
  await addUp(bucket, work, combination, meter, delta);
  for (let i = 0; i < delta.length; i++) delta[i]! /= combination.divisor;
  if (combination.lastStep !== undefined) {
    const step = await readLastStep(bucket, work, meter);
    for (let i = 0; i < delta.length; i++) delta[i]! += combination.lastStep * step[i]!;
    meter.release(step);
  }
  if (combination.noise !== undefined) addNoise(delta, combination.noise, work);
  return delta;
}

/** Σ factorᵢ·uᵢ: frame by frame where no coordinate needs all of them. */
async function addUp(
  bucket: R2Bucket,
  work: CombineWork,
  { factors }: Sum,
  meter: ByteMeter,
  sum: Float64Array,
): Promise<void> {
  if (work.statistics === undefined) {
    for (const [position, contribution] of work.contributions.entries()) {
      await eachFrame(bucket, work, contribution, meter, (frame) => {
        accumulateFrame(frame, factors[position]!, sum);
      });
    }
    return;
  }
  await eachRun(bucket, work, meter, ({ from, updates }) => {
    for (const [i, values] of updates.entries()) {
      const factor = factors[i]!;
      for (let j = 0; j < values.length; j++) sum[from + j]! += factor * values[j]!;
    }
  });
}

/** Runs of all contributions; of statistics bounded where the rule says so (SPEC O6). */
async function eachRun(
  bucket: R2Bucket,
  work: CombineWork,
  meter: ByteMeter,
  visit: (run: UpdateRun) => void,
): Promise<void> {
  const { statistics } = work;
  if (statistics === undefined) return eachUpdateRun(bucket, work, meter, visit);
  const whole = { ...work, statistics };
  await eachStatisticsRange(bucket, whole, meter, (range) => {
    if (statistics.bounded) boundRange(range, whole);
    visit(range);
  });
}

/** Words of 32 bits make numbers of (0, 1) in their middle. */
const HALF = 0.5;
const TWO_32 = 4_294_967_296;

/** Normal noise, a function of the round's seed, the slice and the coordinate alone (SPEC O7.6). */
function addNoise(delta: Float64Array, deviation: number, { seed, slice }: CombineWork): void {
  const field = randomField(hexToBytes(seed), `aggregation noise of slice ${slice.index}`);
  const words = new Uint32Array(4);
  for (let i = 0; i < delta.length; i++) {
    field.words(words, i);
    delta[i]! += deviation * inverseNormal((words[0]! + HALF) / TWO_32);
  }
}
