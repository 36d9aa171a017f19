import { reset } from "cloudflare:test";
import { afterEach, describe, expect, it } from "vitest";
import type { CampaignConfigInput } from "../../protocol/round/campaign-config.ts";
import type { UpdateCodec } from "../../protocol/update/update-codec.ts";
import { decodeFrame } from "../../protocol/update/frame.ts";
import {
  committed,
  rounds,
  runningCampaign,
  studentOf,
  until,
  type Volunteer,
} from "./coordinator.ts";
import { updateOf } from "./what-is-sent.ts";
import { tinyModel, type TinyModel } from "./tiny-model.ts";

afterEach(() => reset());

/** One round with the given updates by rank, sent in the given order. */
async function combine(
  updates: (volunteer: Volunteer) => readonly (readonly Float32Array[])[],
  order: readonly number[],
  changes: Partial<CampaignConfigInput> = {},
  examples: readonly number[] = [],
  model?: TinyModel,
): Promise<{ before: Float32Array[]; after: Float32Array[]; id: string; volunteers: Volunteer[] }> {
  const count = order.length;
  const { id, volunteers } = await runningCampaign(
    count,
    {
      ...changes,
      round: { goal: count, overSelection: 1 },
    },
    model,
  );
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

/** Magnitudes at which float64 addition is far from associative. */
const farApart = (volunteer: Volunteer) =>
  [1e4, 1e-11, -1e4].map((scale) => updateOf(volunteer.view, 5, scale));

const allAlike = (volunteer: Volunteer) => [4, 4, 4].map((seed) => updateOf(volunteer.view, seed));

/** A model one of whose tensors is 0, where the last bits of what is taken from it are seen. */
const withZeros = () =>
  tinyModel({
    change: (tensors) => {
      const found = tensors.find(({ name }) => name === "bn1.bias")!;
      if ("values" in found) (found.values as Float32Array).fill(0);
    },
  });

describe("combining updates", () => {
  it("[O1] two participants with weights 1:3 give the weighted mean exactly", async () => {
    const { before, after, volunteers } = await combine(
      twoSmall,
      [0, 1],
      { aggregation: { rule: { kind: "mean" } } },
      [2, 6],
    );
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
    const orders = [
      [0, 1, 2],
      [2, 1, 0],
      [1, 0, 2],
      [1, 2, 0],
    ];
    const results = [];
    for (const order of orders) {
      results.push((await combine(farApart, order, {}, [], withZeros())).after);
    }
    for (const result of results.slice(1)) expect(result).toEqual(results[0]);
  });

  it("[R8] other orders of summation would give other bits", () => {
    // Without this the test above could not fail.
    expect(1e4 + 1e-11 + -1e4).not.toBe(1e4 + -1e4 + 1e-11);
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

  it("[O4] a variance that rounding makes negative becomes zero", async () => {
    const { id, volunteers } = await runningCampaign(1, { round: { goal: 1 } });
    const [volunteer] = volunteers as [Volunteer];
    const [, statistics] = await studentOf(id, 0);
    const gone = statistics!.map((value) => Math.fround(value * (1 + 2 ** -22)));
    await volunteer.contribute([updateOf(volunteer.view, 1)[0]!, gone]);
    await until(id, committed(1));
    const [, after] = await studentOf(id, 1);
    // Means and variances alternate in file order, as many of each; means may be negative.
    expect(after!.filter((value) => value === 0).length).toBe(after!.length / 2);
    expect(statistics!.some((value) => value === 0)).toBe(false);
  });

  it("[O5] one loud participant moves a student as far as one that is not", async () => {
    const distances = [];
    for (const scale of [0.01, 1e4]) {
      const updates = (volunteer: Volunteer) => [
        updateOf(volunteer.view, 1),
        updateOf(volunteer.view, 2),
        updateOf(volunteer.view, 3, scale),
      ];
      const { before, after } = await combine(updates, [0, 1, 2]);
      const moved = before[0]!.map((value, i) => after[0]![i]! - value);
      distances.push(Math.sqrt(moved.reduce((sum, value) => sum + value * value, 0)));
    }
    expect(distances[1]! / distances[0]!).toBeGreaterThan(0.8);
    expect(distances[1]! / distances[0]!).toBeLessThan(1.25);
  });

  it.each(["median-clipped-mean", "norm-clipped-mean"] as const)(
    "[O6.4] by %s nobody switches a channel off: its variance stays near what the others say",
    async (kind) => {
      const clipNorm = 1e3;
      const rule = kind === "norm-clipped-mean" ? { kind, clipNorm } : { kind };
      const attack = (change: (value: number) => number) => async () => {
        const { id, volunteers } = await runningCampaign(5, {
          aggregation: { rule },
          round: { goal: 5, overSelection: 1 },
        });
        const [, statistics] = await studentOf(id, 0);
        for (const [rank, volunteer] of volunteers.entries()) {
          const [weights, honest] = updateOf(volunteer.view, rank);
          const lie = honest!.map((value, i) => (i < 2 ? change(statistics![i]!) : value));
          await volunteer.contribute([weights!, rank === 2 ? lie : honest!]);
        }
        await until(id, committed(1));
        const [, after] = await studentOf(id, 1);
        return { before: statistics!, after: after! };
      };
      // bn1 has one channel: its mean comes first, then its variance.
      const off = await attack((value) => value)();
      expect(off.after[1]!).toBeGreaterThan(0.7 * off.before[1]!);
      const up = await attack(() => -1000)();
      expect(up.after[1]!).toBeLessThan(1.5 * up.before[1]!);
      expect(Math.abs(up.after[0]! - up.before[0]!)).toBeLessThan(0.5 * Math.sqrt(up.before[1]!));
    },
  );

  it("[O1] where all send the same, every rule gives the same", async () => {
    const mean = { aggregation: { rule: { kind: "mean" } } } as const;
    const plain = (await combine(allAlike, [0, 1, 2], mean)).after;
    const clipped = (await combine(allAlike, [0, 1, 2])).after;
    for (const [slice, values] of plain.entries()) {
      values.forEach((value, i) => {
        expect(Math.abs(clipped[slice]![i]! - value)).toBeLessThan(1e-7);
      });
    }
  });
});
