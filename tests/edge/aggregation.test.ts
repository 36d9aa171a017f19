import { env } from "cloudflare:workers";
import { reset } from "cloudflare:test";
import { afterEach, describe, expect, it } from "vitest";
import { blobKey, digestOf, putBlob } from "../../edge/blobs/blob-store.ts";
import { combiningRule } from "../../edge/aggregation/configured-rule.ts";
import { ByteMeter } from "../../edge/slice/byte-meter.ts";
import { combineSlice, measureSlice } from "../../edge/slice/combine-slice.ts";
import type { CombineWork } from "../../edge/slice/slice-work.ts";
import { MAX_SLICE_VALUES } from "../../protocol/model/state-layout.ts";
import type {
  AggregationRule,
  CampaignConfigInput,
  UpdateCodec,
} from "../../protocol/round/campaign-config.ts";
import { decodeFrame, encodeFrame } from "../../protocol/update/frame.ts";
import { uniformSource } from "../../protocol/update/uniform-source.ts";
import { CLIP_NORM, CLIPPED_MEAN, UPDATES, WEIGHTED_MEAN, WEIGHTS } from "./aggregation-vectors.ts";
import {
  committed,
  rounds,
  runningCampaign,
  studentOf,
  until,
  updateOf,
  type Volunteer,
} from "./coordinator.ts";
import { numbers } from "./tiny-model.ts";

afterEach(() => reset());

/** One round with the given updates by rank, sent in the given order. */
async function combine(
  updates: (volunteer: Volunteer) => readonly (readonly Float32Array[])[],
  order: readonly number[],
  changes: Partial<CampaignConfigInput> = {},
  examples: readonly number[] = [],
): Promise<{ before: Float32Array[]; after: Float32Array[]; id: string; volunteers: Volunteer[] }> {
  const count = order.length;
  const { id, volunteers } = await runningCampaign(count, {
    ...changes,
    round: { goal: count, overSelection: 1 },
  });
  for (const rank of order) {
    const volunteer = volunteers[rank]!;
    await volunteer.contribute(updates(volunteer)[rank]!, { examples: examples[rank] ?? 8 });
  }
  await until(id, committed(1));
  return { before: await studentOf(id, 0), after: await studentOf(id, 1), id, volunteers };
}

const twoSmall = (volunteer: Volunteer) => [
  updateOf(volunteer.view, 1),
  updateOf(volunteer.view, 2),
];

const oneSmall = (volunteer: Volunteer) => [updateOf(volunteer.view, 3)];

const longAndShort = (volunteer: Volunteer) => [
  updateOf(volunteer.view, 1, 10),
  updateOf(volunteer.view, 2, 1e-6),
];

const huge = (volunteer: Volunteer) => [
  updateOf(volunteer.view, 1).map((values) => values.fill(100)),
];

describe("combining updates", () => {
  it("[O1] two participants with weights 1:3 give the weighted mean exactly", async () => {
    const { before, after, volunteers } = await combine(twoSmall, [0, 1], {}, [2, 6]);
    const [first, second] = twoSmall(volunteers[0]!);
    for (const [slice, values] of before.entries()) {
      const expected = values.map((value, i) => {
        const delta = (2 * first![slice]![i]! + 6 * second![slice]![i]!) / 8;
        return value - delta;
      });
      // Variances start near 1 and move by hundredths, so none is cut off.
      expect(after[slice]).toEqual(expected);
    }
  });

  it("[R8] arrival order does not change a bit", async () => {
    // Magnitudes at which float64 addition is far from associative.
    const scales = [1e22, 1, -1e22];
    const updates = (volunteer: Volunteer) =>
      scales.map((scale) =>
        updateOf(volunteer.view, 5).map((values) => values.map((value) => value * scale)),
      );
    const orders = [
      [0, 1, 2],
      [2, 1, 0],
      [1, 0, 2],
      [1, 2, 0],
    ];
    const results = [];
    for (const order of orders) results.push((await combine(updates, order)).after);
    for (const result of results.slice(1)) expect(result).toEqual(results[0]);
  });

  it("[R8] other orders of summation would give other bits", () => {
    // Without this the test above could not fail.
    expect(1e22 + 1 + -1e22).not.toBe(1e22 + -1e22 + 1);
  });

  it.each<UpdateCodec>(["f16", "int8"])("[U6] combines %s frames as they decode", async (codec) => {
    const { before, after, volunteers } = await combine(oneSmall, [0], { codec });
    const frames = volunteers[0]!.frames(oneSmall(volunteers[0]!)[0]!);
    for (const [slice, frame] of frames.entries()) {
      const { values, header } = decodeFrame(frame);
      expect(header.codec).toBe(slice === 0 ? codec : "f32");
      expect(after[slice]).toEqual(before[slice]!.map((value, i) => value - (8 * values[i]!) / 8));
    }
  });

  it("[O1] norm clipping takes the norm over all trainable values", async () => {
    const clipNorm = 0.5;
    const { before, after, id, volunteers } = await combine(longAndShort, [1, 0], {
      aggregation: { rule: { kind: "norm-clipped-mean", clipNorm } },
    });
    const [long, short] = longAndShort(volunteers[0]!);
    const norm = Math.sqrt(long![0]!.reduce((sum, value) => sum + value * value, 0));
    expect(norm).toBeGreaterThan(clipNorm);
    const factor = clipNorm / norm;
    const delta = Array.from(
      long![0]!,
      (value, i) => (8 * factor * value + 8 * short![0]![i]!) / 16,
    );
    before[0]!.forEach((value, i) => {
      expect(Math.abs(after[0]![i]! - (value - delta[i]!))).toBeLessThan(1e-7);
    });
    // Statistics are not scaled.
    const mean = (8 * long![1]![0]! + 8 * short![1]![0]!) / 16;
    expect(after[1]![0]).toBe(Math.fround(before[1]![0]! - mean));
    const [round] = await rounds(id);
    const expected = Math.sqrt(delta.reduce((sum, value) => sum + value * value, 0));
    expect(round!.updateNorm).toBeCloseTo(expected, 9);
  });

  it("[O2] momentum is carried from round to round", async () => {
    const { id, volunteers } = await runningCampaign(1, {
      round: { goal: 1 },
      aggregation: { server: { kind: "sgd", learningRate: 0.5, momentum: 0.5 } },
    });
    const [volunteer] = volunteers as [Volunteer];
    const updates = [updateOf(volunteer.view, 1), updateOf(volunteer.view, 2)];
    for (const [round, update] of updates.entries()) {
      await volunteer.contribute(update);
      await until(id, committed(round + 1));
    }
    const [start, , end] = await Promise.all([0, 1, 2].map((round) => studentOf(id, round)));
    start![0]!.forEach((theta, i) => {
      const first = updates[0]![0]![i]!;
      const second = 0.5 * first + updates[1]![0]![i]!;
      expect(Math.abs(end![0]![i]! - (theta - 0.5 * first - 0.5 * second))).toBeLessThan(1e-6);
    });
    // Statistics know neither momentum nor learning rate.
    start![1]!.forEach((value, i) => {
      const once = Math.fround(value - updates[0]![1]![i]!);
      expect(end![1]![i]).toBe(Math.fround(once - updates[1]![1]![i]!));
    });
  });

  it("[O4] a variance that an update would make negative becomes zero", async () => {
    const { after, before } = await combine(huge, [0]);
    const negatives = after[1]!.filter((value) => value < 0).length;
    const zeros = after[1]!.filter((value) => value === 0).length;
    // Means and variances alternate in file order, as many of each.
    expect(zeros).toBe(after[1]!.length / 2);
    expect(negatives).toBe(after[1]!.length / 2);
    expect(before[1]!.some((value) => value === 0)).toBe(false);
  });
});

/** Combines the vectors as one slice with SGD at rate 1 from zero: θ = −Δ. */
async function combineVectors(
  rule: AggregationRule,
  weights: readonly number[],
): Promise<number[]> {
  const length = UPDATES[0]!.length;
  const frames = [];
  for (const [i, update] of UPDATES.entries()) {
    const values = Float32Array.from(update);
    const random = uniformSource(Uint8Array.of(1), "slice 0");
    const frame = encodeFrame({ codec: "f32", sliceIndex: 0, values, random });
    await env.BLOBS.put(`updates/${i}`, frame);
    frames.push({ key: `updates/${i}`, digest: await digestOf(frame) });
  }
  const slice = { index: 0, length, section: "trainable" as const, variances: [] };
  const work = { slice, codec: "f32" as const, frames };
  const { squaredNorms } = await measureSlice(env.BLOBS, work, new ByteMeter());
  const { trainable, divisor } = combiningRule(rule).combination({ weights, squaredNorms });
  const { student } = await combineSlice(
    env.BLOBS,
    {
      ...work,
      factors: trainable,
      divisor,
      student: await putBlob(env.BLOBS, new Uint8Array(4 * length)),
      moments: { first: null, second: null },
      optimizer: { kind: "sgd", learningRate: 1, momentum: 0 },
      rate: 1,
    },
    new ByteMeter(),
  );
  const object = await env.BLOBS.get(blobKey(student));
  return Array.from(new Float32Array(await object!.arrayBuffer()), (value) => -value);
}

describe("vectors of an independent implementation", () => {
  it("[O1] weighted mean", async () => {
    const result = await combineVectors({ kind: "mean" }, WEIGHTS);
    WEIGHTED_MEAN.forEach((value, i) => expect(Math.abs(result[i]! - value)).toBeLessThan(1e-6));
  });

  it("[O1] norm-clipped mean", async () => {
    const rule = { kind: "norm-clipped-mean" as const, clipNorm: CLIP_NORM };
    const result = await combineVectors(
      rule,
      UPDATES.map(() => 1),
    );
    CLIPPED_MEAN.forEach((value, i) => expect(Math.abs(result[i]! - value)).toBeLessThan(1e-6));
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
      frames: [stored, stored, stored],
      factors: [1, 1, 1],
      divisor: 3,
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
      frames: [{ key: "updates/one", digest }],
    };
    await expect(measureSlice(env.BLOBS, work, new ByteMeter())).rejects.toThrow("damaged");
  });
});
