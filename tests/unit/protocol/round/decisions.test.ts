import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  chooseCandidate,
  regrowthAlarm,
  settled,
  watchedRound,
  type WatchedRound,
} from "../../../../protocol/round/decisions.ts";
import { judgingSchema, middleRadius } from "../../../../protocol/round/judging.ts";
import { summariseScores, type ScoreSummary } from "../../../../protocol/round/score-summary.ts";
import { placeOf } from "../../../../protocol/round/timeline.ts";
import { configOf } from "./config-of.ts";

const judging = judgingSchema.parse({});
const RADII = judging.radii;

/** A summary of one participant's scores. */
function summary(agreement: number, perturbed: readonly number[], weight = 0): ScoreSummary {
  return summariseScores([
    {
      weight,
      loss: 0.5,
      scores: {
        images: 100,
        loss: 0.1,
        agreement,
        perturbed: perturbed.map((share, i) => ({
          radius: RADII[i]!,
          agreement: share,
          flips: [0],
        })),
      },
    },
  ])!;
}

/** Rounds 1, 2, … of a leg. */
function watched(
  perturbed: readonly number[],
  loss: (index: number) => number = (index) => 1 / (index + 1),
  agreement = 0.9,
): WatchedRound[] {
  return perturbed.map((share, i) => ({
    round: i + 1,
    trainingLoss: loss(i),
    agreement,
    perturbed: share,
    images: 496,
  }));
}

const REGROWING = [0.6, 0.8, 0.9, 0.9, 0.9, 0.85, 0.8, 0.7, 0.6, 0.5];

describe("the choice among candidates", () => {
  const auto = configOf({ reinit: { strength: "auto" }, probes: { strengths: [2, 0, 1] } });

  it("[J5] takes the largest agreement + perturbed agreement at the middle norm", () => {
    const probes = [
      summary(0.7, [1, 0.8, 1]),
      summary(0.99, [1, 0.3, 1]),
      summary(0.9, [0, 0.7, 0]),
    ];
    expect(chooseCandidate(auto, probes)).toEqual({
      candidate: 2,
      strength: 1,
      values: [1.5, expect.closeTo(1.29, 12), expect.closeTo(1.6, 12)],
    });
  });

  it("[J5] of equals takes the smaller strength", () => {
    const same = summary(0.9, [1, 0.5, 0]);
    expect(chooseCandidate(auto, [same, same, same])).toMatchObject({ candidate: 1, strength: 0 });
  });

  it("[J5] needs every candidate scored at the middle norm", () => {
    const scored = summary(0.9, [1, 0.5, 0]);
    expect(() => chooseCandidate(auto, [scored, summary(0.9, [1]), scored])).toThrow("candidate 1");
    expect(() => chooseCandidate(auto, [scored, scored])).toThrow("candidate 2");
  });

  it("the middle of two norms is the larger", () => {
    expect(middleRadius(judging)).toBe(RADII[1]);
    expect(middleRadius(judgingSchema.parse({ radii: [0.1, 0.2] }))).toBe(0.2);
    expect(middleRadius(judgingSchema.parse({ radii: [0.1] }))).toBe(0.1);
  });
});

describe("the regrowth alarm", () => {
  it("[J6] comes when perturbed agreement falls while the loss falls, and names the best student", () => {
    const alarms = REGROWING.map((_, i) =>
      regrowthAlarm(judging, watched(REGROWING).slice(0, i + 1)),
    );
    // Smoothed: .767, .867, .9, .883, .85, .783: more than .08 below the best with the eighth.
    expect(alarms.map((alarm) => alarm !== undefined)).toEqual([
      ...Array.from({ length: 7 }, () => false),
      true,
      true,
      true,
    ]);
    expect(alarms[7]).toEqual({
      round: 8,
      fellBackTo: 3,
      detail: expect.stringMatching(/from round 6 to round 9 .* from 0\.900 to 0\.783 .* backdoor/),
    });
  });

  it("[J6] does not come when the loss rises too: that is no regrowth", () => {
    expect(
      regrowthAlarm(
        judging,
        watched(REGROWING, (i) => i),
      ),
    ).toBeUndefined();
  });

  it("[J6] does not come while perturbed agreement never falls by more than the drop's share", () => {
    const share = fc.double({ min: 0, max: 1, noNaN: true });
    const best = fc.double({ min: 0.4, max: 1, noNaN: true });
    fc.assert(
      fc.property(best, fc.array(share, { maxLength: 40 }), (top, shares) => {
        const values = shares.map((value) => top * (1 - 0.059 * value));
        expect(regrowthAlarm(judging, watched(values))).toBeUndefined();
      }),
    );
  });

  it("[J6] does not come of what chance does with few images", () => {
    const falling = watched([0.5, 0.5, 0.5, 0.45, 0.45, 0.45]);
    expect(regrowthAlarm(judging, falling)).toBeDefined();
    const few = falling.map((round) => Object.assign({}, round, { images: 62 }));
    expect(regrowthAlarm(judging, few)).toBeUndefined();
  });

  it("[J6] set to report, or null, goes back to nothing", () => {
    for (const regrowth of [null, { action: "report" as const }]) {
      const rules = judgingSchema.parse({ regrowth });
      expect(regrowthAlarm(rules, watched(REGROWING))).toMatchObject({
        round: 10,
        fellBackTo: null,
      });
    }
  });

  it("[J6] takes drop and window from the campaign", () => {
    const wide = judgingSchema.parse({ regrowth: { drop: 0.5 } });
    expect(regrowthAlarm(wide, watched(REGROWING))).toBeUndefined();
    const sharp = judgingSchema.parse({ regrowth: { drop: 0.04, window: 1 } });
    expect(regrowthAlarm(sharp, watched(REGROWING.slice(0, 6)))).toMatchObject({ fellBackTo: 3 });
  });
});

describe("stopping", () => {
  const config = configOf({ distillation: { rounds: 40 } });
  const still = watched(Array.from({ length: 36 }, () => 0.8));
  const after = (round: number, rounds = still) =>
    settled(judging, rounds.slice(0, round), placeOf(config, round));

  it("[J7] comes once the learning rate is low and the scores are still", () => {
    // cos(π·s/S) < −.8 from 79.5 % of the steps on: round 32 of 40.
    expect(after(30)).toBeUndefined();
    expect(after(31)).toMatchObject({ round: 31, detail: expect.stringContaining("0.8500") });
  });

  it("[J7] does not come while the scores move", () => {
    const moving = watched(still.map((_, i) => 0.5 + 0.005 * i));
    expect(after(33, moving)).toBeUndefined();
  });

  it("[J7] needs both windows scored, and more than one round to save", () => {
    expect(settled(judging, still.slice(0, 9), placeOf(config, 33))).toBeUndefined();
    expect(settled(judging, still, placeOf(config, 38))).toBeDefined();
    expect(settled(judging, still, placeOf(config, 39))).toBeUndefined();
    const never = judgingSchema.parse({ stopping: null });
    expect(settled(never, still, placeOf(config, 35))).toBeUndefined();
  });
});

describe("a round as decisions see it", () => {
  it("[J9] is made of medians, and is none without the middle norm or scores", () => {
    expect(watchedRound(judging, 4, summary(0.9, [1, 0.7], 8))).toEqual({
      round: 4,
      trainingLoss: 0.5,
      agreement: 0.9,
      perturbed: 0.7,
      images: 100,
    });
    expect(watchedRound(judging, 4, summary(0.9, [1], 8))).toBeUndefined();
    expect(watchedRound(judging, 4, summary(0.9, [1, 0.7], 0))).toBeUndefined();
    expect(watchedRound(judging, 4, null)).toBeUndefined();
  });
});
