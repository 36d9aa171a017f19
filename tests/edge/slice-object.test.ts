import { env } from "cloudflare:workers";
import { reset } from "cloudflare:test";
import { afterEach, describe, expect, it } from "vitest";
import { blobKey, digestOf, putBlob } from "../../edge/blobs/blob-store.ts";
import { chosenRule } from "../../edge/aggregation/configured-rule.ts";
import { ByteMeter } from "../../edge/slice/byte-meter.ts";
import { combineSlice } from "../../edge/slice/combine-slice.ts";
import { measureSlice } from "../../edge/slice/measure-slice.ts";
import type { CombineWork } from "../../edge/slice/slice-work.ts";
import { MAX_SLICE_VALUES, stateLayout } from "../../protocol/model/state-layout.ts";
import type { AggregationRule, Mixing } from "../../protocol/round/aggregation-rule.ts";
import { encodeFrame } from "../../protocol/update/frame.ts";
import { uniformSource } from "../../protocol/random/uniform-source.ts";
import {
  CLIP_NORM,
  CLIPPED_MEAN,
  ROBUST,
  UPDATES,
  WEIGHTED_MEAN,
  WEIGHTS,
} from "./aggregation-vectors.ts";
import { numbers, tinyModel } from "./tiny-model.ts";

afterEach(() => reset());

/** A frame of slice 0, in storage. */
async function storedFrame(update: readonly number[], name: string) {
  const values = Float32Array.from(update);
  const random = uniformSource(Uint8Array.of(1), "slice 0");
  const frame = encodeFrame({ codec: "f32", sliceIndex: 0, values, random });
  await env.BLOBS.put(`updates/${name}`, frame);
  return { key: `updates/${name}`, digest: await digestOf(frame) };
}

interface Bearing {
  readonly hostile?: number;
  readonly mixing?: Mixing;
}

/** Combines the vectors as one slice with SGD at rate 1 from zero: θ = −Δ. */
async function combineVectors(
  rule: AggregationRule,
  weights: readonly number[],
  { hostile = 3, mixing = { kind: "none" } }: Bearing = {},
): Promise<number[]> {
  const length = UPDATES[0]!.length;
  const contributions = [];
  for (const [i, update] of UPDATES.entries()) {
    contributions.push({ weight: weights[i]!, frames: [await storedFrame(update, `${i}`)] });
  }
  const parties = weights.map((weight, i) => ({
    members: [`p-${i}`],
    party: `invite-${i}`,
    organisation: null,
    weight,
  }));
  const server = { kind: "sgd", learningRate: 1, momentum: 0 } as const;
  const chosen = chosenRule({ rule, hostile, mixing, server }, parties);
  expect(chosen.kind).toBe(rule.kind);
  const slice = { index: 0, length, section: "trainable" as const, variances: [] };
  const products = chosen.rule.needsGram;
  const work = { slice, codec: "f32" as const, contributions, products };
  const measured = await measureSlice(env.BLOBS, work, new ByteMeter());
  const norms = measured.squaredNorms.map(Math.sqrt);
  const { trainable } = chosen.rule.combine({
    contributions: parties.map((one, i) => ({
      ...one,
      norm: norms[i]!,
      statisticsNorm: norms[i]!,
    })),
    order: parties.map((_, i) => i),
    ...(measured.products && { gram: measured.products }),
  });
  const { student } = await combineSlice(
    env.BLOBS,
    {
      ...work,
      combination: trainable,
      seed: "00".repeat(32),
      student: await putBlob(env.BLOBS, new Uint8Array(4 * length)),
      moments: { first: null, second: null },
      optimizer: server,
      rate: 1,
    },
    new ByteMeter(),
  );
  const object = await env.BLOBS.get(blobKey(student));
  return Array.from(new Float32Array(await object!.arrayBuffer()), (value) => -value);
}

function expectNear(result: readonly number[], expected: readonly number[]): void {
  expect(result).toHaveLength(expected.length);
  for (const [i, value] of expected.entries()) {
    expect(Math.abs(result[i]! - value)).toBeLessThan(1e-6);
  }
}

describe("vectors of an independent implementation", () => {
  const alike = UPDATES.map(() => 1);

  it("[O1] weighted mean", async () => {
    expectNear(await combineVectors({ kind: "mean" }, WEIGHTS), WEIGHTED_MEAN);
  });

  it("[O1] norm-clipped mean", async () => {
    const rule = { kind: "norm-clipped-mean" as const, clipNorm: CLIP_NORM };
    expectNear(await combineVectors(rule, alike), CLIPPED_MEAN);
  });

  it.each(ROBUST)("[O7.1] [O7.2] [O7.3] $name", async ({ rule, expected, ...bearing }) => {
    expectNear(await combineVectors(rule, WEIGHTS, bearing), expected);
  });
});

describe("a slice object", () => {
  it("holds less than 16 MiB for a full slice with both moments", async () => {
    const next = numbers(3);
    const length = MAX_SLICE_VALUES;
    const slice = { index: 0, length, section: "trainable" as const, variances: [] };
    const values = Float32Array.from({ length }, () => next());
    const student = await putBlob(env.BLOBS, new Uint8Array(values.buffer));
    const random = uniformSource(Uint8Array.of(1), "slice 0");
    const frame = encodeFrame({ codec: "f32", sliceIndex: 0, values, random });
    await env.BLOBS.put("updates/one", frame);
    const stored = { key: "updates/one", digest: await digestOf(frame) };
    const work: CombineWork = {
      slice,
      codec: "f32",
      contributions: [1, 1, 1].map((weight) => ({ weight, frames: [stored] })),
      combination: { kind: "sum", factors: [1, 1, 1], divisor: 3 },
      seed: "",
      student,
      moments: { first: student, second: student },
      optimizer: { kind: "adam", learningRate: 0.1, beta1: 0.9, beta2: 0.99, tau: 1e-3 },
      rate: 0.1,
    };
    const measured = await measureSlice(env.BLOBS, work, new ByteMeter());
    expect(measured.squaredNorms).toHaveLength(3);
    const positive = values.map(Math.abs);
    const second = await putBlob(env.BLOBS, new Uint8Array(positive.buffer));
    const moments = { first: student, second };
    const combined = await combineSlice(env.BLOBS, { ...work, moments }, new ByteMeter());
    expect(combined.finite).toBe(true);
    // Accumulator, student and two moments at least: the meter does count.
    expect(combined.peakBytes).toBeGreaterThanOrEqual(10 * 2 ** 20);
    expect(combined.peakBytes).toBeLessThan(16 * 2 ** 20);
    expect(measured.peakBytes).toBeLessThan(16 * 2 ** 20);
  });

  it("holds less than 16 MiB of statistics, whatever the number of updates", async () => {
    const updates = 300;
    const { bytes, digest, graph } = tinyModel({ width: 16 });
    await putBlob(env.BLOBS, bytes);
    const layout = stateLayout(graph);
    const { index, length } = layout.slices.find(({ section }) => section === "statistics")!;
    const student = await putBlob(
      env.BLOBS,
      new Uint8Array(new Float32Array(length).fill(1).buffer),
    );
    const contributions = [];
    for (let i = 0; i < updates; i++) {
      const values = new Float32Array(length).fill(i / updates);
      const random = uniformSource(Uint8Array.of(1), "one");
      const frame = encodeFrame({ codec: "f32", sliceIndex: index, values, random });
      await env.BLOBS.put(`updates/${i}`, frame);
      const frames = [{ key: `updates/${i}`, digest: await digestOf(frame) }];
      contributions.push({ weight: 1, frames });
    }
    const work: CombineWork = {
      slice: { index, length, section: "statistics", variances: [] },
      codec: "f32",
      contributions,
      statistics: {
        model: { digest, network: {} },
        student: [student],
        bounded: true,
        parties: contributions.map((_, i) => [i]),
      },
      combination: {
        kind: "sum",
        factors: contributions.map(({ weight }) => weight),
        divisor: updates,
      },
      seed: "",
      student,
      moments: { first: null, second: null },
      optimizer: { kind: "sgd", learningRate: 1, momentum: 0 },
      rate: 1,
    };
    const measured = await measureSlice(env.BLOBS, work, new ByteMeter());
    const combined = await combineSlice(env.BLOBS, work, new ByteMeter());
    // All values of all updates would be more than the limit in float64.
    expect(8 * updates * length).toBeGreaterThan(5 * 2 ** 20);
    expect(measured.peakBytes).toBeLessThan(4 * 2 ** 20);
    expect(combined.peakBytes).toBeLessThan(4 * 2 ** 20);
    // In several ranges, and every one of them the same: the values' mean is just below a half.
    const object = await env.BLOBS.get(blobKey(combined.student));
    const after = new Float32Array(await object!.arrayBuffer());
    for (const value of after) expect(value).toBeCloseTo(1 - (updates - 1) / (2 * updates), 6);
  });

  it("[O1] takes what several sent as one contribution for their sum, in both passes", async () => {
    const [a, b, c] = [
      [1, -2, 0.5, 3],
      [4, 1, 0.25, -8],
      [0.5, 0.5, -1, 2],
    ];
    const sum = a!.map((value, i) => value + b![i]!);
    const alone = { weight: 1, frames: [await storedFrame(c!, "c")] };
    const together = {
      weight: 3,
      frames: [await storedFrame(a!, "a"), await storedFrame(b!, "b")],
    };
    const summed = { weight: 3, frames: [await storedFrame(sum, "sum")] };
    const student = await putBlob(env.BLOBS, new Uint8Array(16));
    const workOf = (contributions: CombineWork["contributions"]): CombineWork => ({
      slice: { index: 0, length: 4, section: "trainable", variances: [] },
      codec: "f32",
      contributions,
      combination: { kind: "sum", factors: [1.5, 1], divisor: 4 },
      seed: "",
      student,
      moments: { first: null, second: null },
      optimizer: { kind: "sgd", learningRate: 1, momentum: 0 },
      rate: 1,
    });
    const results = [];
    for (const group of [together, summed]) {
      const work = workOf([group, alone]);
      const { squaredNorms } = await measureSlice(env.BLOBS, work, new ByteMeter());
      results.push([squaredNorms, (await combineSlice(env.BLOBS, work, new ByteMeter())).student]);
    }
    expect(results[0]).toEqual(results[1]);
    expect(results[0]![0]).toEqual([25 + 1 + 0.5625 + 25, 0.25 + 0.25 + 1 + 4]);
  });

  it("refuses a stored frame that was damaged", async () => {
    const values = new Float32Array(16).fill(1);
    const random = uniformSource(Uint8Array.of(1), "slice 0");
    const frame = encodeFrame({ codec: "f32", sliceIndex: 0, values, random });
    const digest = await digestOf(frame);
    frame[70]! ^= 1;
    await env.BLOBS.put("updates/one", frame);
    const work = {
      slice: { index: 0, length: 16, section: "trainable" as const, variances: [] },
      codec: "f32" as const,
      contributions: [{ weight: 1, frames: [{ key: "updates/one", digest }] }],
    };
    await expect(measureSlice(env.BLOBS, work, new ByteMeter())).rejects.toThrow("damaged");
  });
});
