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

/** A summary of one participant's scores. */
function summary(agreement: number, followed: number, weight = 0, moved = 50): ScoreSummary {
  return summariseScores([
    {
      weight,
      loss: 0.5,
      scores: {
        images: 100,
        loss: 0.1,
        agreement,
        transfer: { class: 0, reach: 0.9, moved, followed },
        perturbed: [],
      },
    },
  ])!;
}

/** Rounds 1, 2, … of a leg. */
function watched(
  rates: readonly number[],
  loss: (index: number) => number = (index) => 1 / (index + 1),
  agreement = 0.9,
): WatchedRound[] {
  return rates.map((transferRate, i) => ({
    round: i + 1,
    trainingLoss: loss(i),
    agreement,
    transferRate,
    moved: 400,
    reach: 0.9,
  }));
}

/** The rounds, those at some places scored by participants who saw no mistake of the teacher. */
function unseenAt(rounds: readonly WatchedRound[], ...places: readonly number[]): WatchedRound[] {
  return rounds.map((at, i) =>
    places.includes(i) ? Object.assign({}, at, { transferRate: null, moved: 0 }) : at,
  );
}

/** The rounds, of a teacher that something small misleads on so many images. */
function seenWith(rates: readonly number[], reach: number): WatchedRound[] {
  return watched(rates).map((at) => Object.assign(at, { reach }));
}

const REGROWING = [0.4, 0.2, 0.1, 0.1, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5];

describe("the choice among candidates", () => {
  const auto = configOf({ reinit: { strength: "auto" }, probes: { strengths: [2, 0, 1] } });

  it("[J5] takes the largest agreement less transfer rate", () => {
    const probes = [summary(0.7, 10), summary(0.99, 45), summary(0.9, 15)];
    expect(chooseCandidate(auto, probes)).toEqual({
      candidate: 2,
      strength: 1,
      values: [expect.closeTo(0.5, 12), expect.closeTo(0.09, 12), expect.closeTo(0.6, 12)],
    });
  });

  it("[J5] of equals takes the smaller strength", () => {
    const same = summary(0.9, 25);
    expect(chooseCandidate(auto, [same, same, same])).toMatchObject({ candidate: 1, strength: 0 });
  });

  it("[J5.1] goes by agreement where nothing misleads the teacher", () => {
    const [low, high] = [summary(0.8, 0, 0, 0), summary(0.9, 0, 0, 0)];
    expect(chooseCandidate(auto, [low, high, low])).toMatchObject({
      candidate: 1,
      values: [0.8, 0.9, 0.8],
    });
  });

  it("[J5.1] prefers no probe for scorers who saw no mistake", () => {
    const [kept, unseen, taken] = [summary(0.95, 45), summary(0.95, 0, 0, 0), summary(0.85, 3)];
    expect(chooseCandidate(auto, [kept, unseen, taken])).toMatchObject({
      candidate: 2,
      values: [expect.closeTo(0.05, 12), expect.closeTo(-0.05, 12), expect.closeTo(0.79, 12)],
    });
  });

  it("[J5] needs every candidate scored", () => {
    const scored = summary(0.9, 25);
    expect(() => chooseCandidate(auto, [scored, scored])).toThrow("candidate 2");
  });

  it("the middle of two norms is the larger", () => {
    expect(middleRadius(judging)).toBe(judging.radii[1]);
    expect(middleRadius(judgingSchema.parse({ radii: [0.1, 0.2] }))).toBe(0.2);
    expect(middleRadius(judgingSchema.parse({ radii: [0.1] }))).toBe(0.1);
  });
});

describe("the regrowth alarm", () => {
  it("[J6.4] comes when the transfer rate rises while the loss falls, and names the best student", () => {
    const alarms = REGROWING.map((_, i) =>
      regrowthAlarm(judging, watched(REGROWING).slice(0, i + 1)),
    );
    // Smoothed: .233, .133, .1, .117, .15, .217: more than .1 above the least with the eighth.
    expect(alarms.map((alarm) => alarm !== undefined)).toEqual([
      ...Array.from({ length: 7 }, () => false),
      true,
      true,
      true,
    ]);
    expect(alarms[7]).toEqual({
      round: 8,
      fellBackTo: 3,
      detail: expect.stringMatching(
        /from round 6 to round 9 .* from 0\.100 to 0\.217 .* backdoor .* round 3, makes 0\.100 of/,
      ),
    });
  });

  it("[J6.4] does not come when the loss rises too: that is no regrowth", () => {
    expect(
      regrowthAlarm(
        judging,
        watched(REGROWING, (i) => i),
      ),
    ).toBeUndefined();
  });

  it("[J6.4] does not come while the transfer rate is nowhere above its least by the rise", () => {
    const share = fc.double({ min: 0, max: 0.0999, noNaN: true });
    const least = fc.double({ min: 0, max: 0.9, noNaN: true });
    fc.assert(
      fc.property(least, fc.array(share, { maxLength: 40 }), (from, shares) => {
        const rates = shares.map((value) => from + value);
        const anyLevel = judgingSchema.parse({ regrowth: { most: 1 } });
        expect(regrowthAlarm(anyLevel, watched(rates))).toBeUndefined();
      }),
    );
  });

  it("[J6.5] grants chance twice as much where others scored: other images mislead the teacher", () => {
    const rising = watched([0.1, 0.1, 0.1, 0.25, 0.25, 0.25]).map((at, i) =>
      Object.assign(at, { moved: i < 3 ? 101 : 100 }),
    );
    expect(regrowthAlarm(judging, rising)).toBeUndefined();
    const same = rising.map((at) => Object.assign({}, at, { moved: 100 }));
    expect(regrowthAlarm(judging, same)).toBeDefined();
  });

  it("[J6.3] looks at what misleads the teacher over as many rounds as at all else", () => {
    const reached = [0.9, 0.5, 0.5];
    const regrown = watched(REGROWING).map((at, i) =>
      Object.assign(at, { reach: reached[i - 7] ?? 0 }),
    );
    expect(regrowthAlarm(judging, regrown)).toBeDefined();
    const lower = regrown.map((at) => Object.assign({}, at, { reach: at.reach - 0.05 }));
    expect(regrowthAlarm(judging, lower)).toBeUndefined();
  });

  it("[J6.3] does not come where nothing small misleads the teacher on most images", () => {
    const inherited = [0.8, 0.8, 0.8, 0.8];
    for (const rates of [REGROWING, inherited]) {
      expect(regrowthAlarm(judging, seenWith(rates, 0.6))).toBeDefined();
      expect(regrowthAlarm(judging, seenWith(rates, 0.59))).toBeUndefined();
      const any = judgingSchema.parse({ regrowth: { reach: 0 } });
      expect(regrowthAlarm(any, seenWith(rates, 0))).toBeDefined();
    }
  });

  it("[J6.2] [J6.7] does not hold a student against a damaged one, nor go back to it", () => {
    const learning = watched([0.1, 0.1, 0.1, 0.4, 0.4, 0.4, 0.4, 0.4]).map((at, i) =>
      Object.assign(at, { agreement: i < 3 ? 0.6 : 0.9 }),
    );
    expect(regrowthAlarm(judging, learning)).toBeUndefined();
    const regrowing = watched([0.1, 0.1, 0.1, 0.3, 0.3, 0.3, 0.5, 0.5, 0.5]).map((at, i) =>
      Object.assign(at, { agreement: i < 3 ? 0.6 : 0.9 }),
    );
    expect(regrowthAlarm(judging, regrowing)).toMatchObject({ fellBackTo: 4 });
  });

  it("[J6.5] does not come of what chance does with few images, nor of none", () => {
    const rising = watched([0.1, 0.1, 0.1, 0.25, 0.25, 0.25]);
    expect(regrowthAlarm(judging, rising)).toBeDefined();
    for (const moved of [40, 0]) {
      const few = rising.map((round) => Object.assign({}, round, { moved }));
      expect(regrowthAlarm(judging, few)).toBeUndefined();
    }
  });

  it("[J6.6] comes where students make most of the teacher's mistakes from the first", () => {
    const stayed = watched([0.95, 1, 1, 1]);
    expect(regrowthAlarm(judging, stayed.slice(0, 2))).toBeUndefined();
    expect(regrowthAlarm(judging, stayed.slice(0, 3))).toEqual({
      round: 3,
      fellBackTo: 1,
      detail: expect.stringMatching(
        /from round 2 to round 4 students make 0\.983 of .* more than 0\.5: .* of round 1, makes 0\.950/,
      ),
    });
    // More than half by two standard deviations of what 400 images tell: by .05.
    expect(regrowthAlarm(judging, watched([0.55, 0.55, 0.55]))).toBeUndefined();
    expect(regrowthAlarm(judging, watched([0.56, 0.56, 0.56]))).toBeDefined();
    const more = judgingSchema.parse({ regrowth: { most: 0.9, action: "report" } });
    expect(regrowthAlarm(more, watched([0.9, 0.9, 0.9]))).toBeUndefined();
    expect(regrowthAlarm(more, stayed)).toMatchObject({ fellBackTo: null });
  });

  describe("where some rounds were scored by participants who saw no mistake", () => {
    it("[J6.1] [J6.2] takes none of them for the least that students inherit", () => {
      const steady = watched(Array.from({ length: 10 }, () => 0.5));
      expect(regrowthAlarm(judging, unseenAt(steady, 2))).toBeUndefined();
      expect(regrowthAlarm(judging, unseenAt(steady, 2, 3, 4))).toBeUndefined();
    });

    it("[J6.1] [J6.7] goes back to none of them", () => {
      expect(regrowthAlarm(judging, unseenAt(watched(REGROWING), 6))).toMatchObject({
        round: 10,
        fellBackTo: 3,
      });
    });

    it("[J6.1] [J7] decides nothing after one of them", () => {
      expect(regrowthAlarm(judging, unseenAt(watched(REGROWING), 9))).toBeUndefined();
      const config = configOf({ distillation: { rounds: 40 } });
      const still = watched(Array.from({ length: 36 }, () => 0.2));
      const after = (...unseen: readonly number[]) =>
        settled(judging, unseenAt(still, ...unseen), placeOf(config, 36));
      expect(after(20)).toMatchObject({ round: 36 });
      expect(after(35)).toBeUndefined();
    });

    it("[J6.1] [J7] counts a rate of 0 where all of them are so", () => {
      const agreeing = watched(Array.from({ length: 36 }, () => 0.9));
      const unseen = unseenAt(agreeing, ...agreeing.keys());
      expect(regrowthAlarm(judging, unseen)).toBeUndefined();
      const config = configOf({ distillation: { rounds: 40 } });
      expect(settled(judging, unseen, placeOf(config, 36))).toMatchObject({
        detail: expect.stringContaining("0.9500"),
      });
    });

    it("[J6.5] trusts a least that few images tell no more than those allow", () => {
      const regrowing = watched([0.1, 0.1, 0.1, 0.25, 0.25, 0.25]);
      expect(regrowthAlarm(judging, regrowing)).toBeDefined();
      const few = regrowing.map((at, i) => Object.assign({}, at, { moved: i < 3 ? 40 : 400 }));
      expect(regrowthAlarm(judging, few)).toBeUndefined();
    });
  });

  it("[J6.7] set to report, or null, goes back to nothing", () => {
    for (const regrowth of [null, { action: "report" as const }]) {
      const rules = judgingSchema.parse({ regrowth });
      expect(regrowthAlarm(rules, watched(REGROWING))).toMatchObject({
        round: 10,
        fellBackTo: null,
      });
    }
  });

  it("[J6.2] [J6.4] takes rise and window from the campaign", () => {
    const wide = judgingSchema.parse({ regrowth: { rise: 0.5 } });
    expect(regrowthAlarm(wide, watched(REGROWING))).toBeUndefined();
    const sharp = judgingSchema.parse({ regrowth: { rise: 0.04, window: 1 } });
    expect(regrowthAlarm(sharp, watched(REGROWING.slice(0, 8)))).toMatchObject({ fellBackTo: 3 });
  });
});

describe("stopping", () => {
  const config = configOf({ distillation: { rounds: 40 } });
  const still = watched(Array.from({ length: 36 }, () => 0.2));
  const after = (round: number, rounds = still) =>
    settled(judging, rounds.slice(0, round), placeOf(config, round));

  it("[J7] comes once the learning rate is low and the scores are still", () => {
    // cos(π·s/S) < −.8 from 79.5 % of the steps on: round 32 of 40.
    expect(after(30)).toBeUndefined();
    expect(after(31)).toMatchObject({ round: 31, detail: expect.stringContaining("0.8500") });
  });

  it("[J7] does not come while the scores move", () => {
    const moving = watched(still.map((_, i) => 0.5 - 0.005 * i));
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
  const alone = configOf({ round: { goal: 1 } });

  it("[J9] is made of medians, and is none in a judging round or without scores", () => {
    expect(watchedRound(alone, 4, summary(0.9, 20, 8))).toEqual({
      round: 4,
      trainingLoss: 0.5,
      agreement: 0.9,
      transferRate: 0.4,
      moved: 50,
      reach: 0.9,
    });
    const earlier = summary(0.9, 20, 8);
    const untold = { ...earlier, medians: { ...earlier.medians, reach: null } };
    expect(watchedRound(alone, 4, untold)).toMatchObject({ reach: 1 });
    expect(watchedRound(alone, 4, summary(0.9, 0, 8, 0))).toMatchObject({
      transferRate: null,
      moved: 0,
    });
    expect(watchedRound(alone, 4, summary(0.9, 20))).toBeUndefined();
    expect(watchedRound(alone, 4, null)).toBeUndefined();
  });

  it("[J10] is none where fewer scored it than three, or the goal", () => {
    const scored = summary(0.9, 20, 8);
    const seen = (goal: number, participants: number): boolean =>
      watchedRound(configOf({ round: { goal } }), 4, { ...scored, participants }) !== undefined;
    expect([seen(4, 2), seen(4, 3), seen(2, 1), seen(2, 2)]).toEqual([false, true, false, true]);
  });
});
