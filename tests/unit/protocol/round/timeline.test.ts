import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { candidatesOf, legsOf, placeOf, roundCount } from "../../../../protocol/round/timeline.ts";
import { configOf } from "./config-of.ts";

const AUTO = configOf({
  reinit: { strength: "auto" },
  probes: { strengths: [2, 0.5], rounds: 3 },
  distillation: { rounds: 5, localSteps: 4 },
});

describe("the legs of a campaign", () => {
  it("[J4] [I5] with a fixed strength are one, which ends with its judging round", () => {
    const config = configOf({ distillation: { rounds: 2, localSteps: 3 } });
    expect(candidatesOf(config)).toEqual([{ strength: 0 }]);
    const named = configOf({ reinit: { strategy: { kind: "head" } } });
    expect(candidatesOf(named)).toEqual([{ strength: 1 }]);
    expect(roundCount(config)).toBe(3);
    expect([0, 1, 2].map((round) => placeOf(config, round))).toMatchObject([
      { leg: { kind: "main", candidate: 0 }, judging: false, startStep: 0, totalSteps: 6 },
      { roundOfLeg: 1, judging: false, startStep: 3, totalSteps: 6 },
      { roundOfLeg: 2, judging: true },
    ]);
  });

  it("[J4] with strength auto are a probe for each candidate, then the chosen one", () => {
    expect(roundCount(AUTO)).toBe(4 + 4 + 6);
    expect(placeOf(AUTO, 4)).toMatchObject({
      leg: { kind: "probe", candidate: 1, firstRound: 4 },
      startStep: 0,
      totalSteps: 12,
    });
    expect(placeOf(AUTO, 7)).toMatchObject({ leg: { kind: "probe" }, judging: true });
    expect(placeOf(AUTO, 8).leg).toMatchObject({ kind: "main", candidate: undefined });
    expect(placeOf(AUTO, 8, { chosen: 1 })).toMatchObject({
      leg: { kind: "main", candidate: 1 },
      startStep: 0,
      totalSteps: 20,
    });
  });

  it("[J6.7] [J7] a main leg that ends early is judged at once, its schedules unchanged", () => {
    const course = { chosen: 0, judgedEarly: 11 };
    expect(roundCount(AUTO, course)).toBe(12);
    expect(placeOf(AUTO, 10, course)).toMatchObject({ judging: false, totalSteps: 20 });
    expect(placeOf(AUTO, 11, course)).toMatchObject({ judging: true, roundOfLeg: 3 });
    expect(() => placeOf(AUTO, 12, course)).toThrow("round 12 of a campaign of 12");
  });

  it("[B1] begin with a statistics round where the strategy compares statistics", () => {
    const strategy = { kind: "bn-divergence" } as const;
    const config = configOf({
      reinit: { strategy, strength: "auto" },
      probes: { strengths: [2, 0.5], rounds: 3 },
      distillation: { rounds: 5, localSteps: 4 },
    });
    expect(roundCount(config)).toBe(1 + roundCount(AUTO));
    expect(placeOf(config, 0)).toMatchObject({
      leg: { kind: "statistics", candidate: undefined },
      judging: false,
      totalSteps: 0,
    });
    for (let round = 0; round < roundCount(AUTO); round++) {
      const { leg, ...place } = placeOf(config, round + 1);
      const { leg: without, ...same } = placeOf(AUTO, round);
      expect(place).toEqual(same);
      expect({
        ...leg,
        firstRound: leg.firstRound - 1,
        judgingRound: leg.judgingRound! - 1,
      }).toEqual(without);
    }
  });

  it("[C1.3] one planned before there were judging rounds has none", () => {
    const config = configOf({ distillation: { rounds: 2 } });
    expect(roundCount(config, { unjudged: true })).toBe(2);
    expect(placeOf(config, 1, { unjudged: true }).judging).toBe(false);
    expect(() => placeOf(config, 2, { unjudged: true })).toThrow(RangeError);
  });

  it("[R1.2] [J4] cover every round once, each leg's last being for judging", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 2, max: 5 }),
        fc.integer({ min: 1, max: 6 }),
        fc.integer({ min: 1, max: 9 }),
        fc.nat(20),
        (candidates, probeRounds, rounds, early) => {
          const config = configOf({
            reinit: { strength: "auto" },
            probes: {
              strengths: Array.from({ length: candidates }, (_, i) => i),
              rounds: probeRounds,
            },
            distillation: { rounds },
          });
          const first = candidates * (probeRounds + 1);
          const course = early < rounds ? { judgedEarly: first + early } : {};
          const count = roundCount(config, course);
          const places = Array.from({ length: count }, (_, round) =>
            placeOf(config, round, course),
          );
          const legs = legsOf(config, course);
          for (const leg of legs) {
            const own = places.filter((place) => place.leg.firstRound === leg.firstRound);
            expect(own.map(({ roundOfLeg }) => roundOfLeg)).toEqual([...own.keys()]);
            expect(own.map(({ judging }) => judging)).toEqual(
              own.map((_, i) => i === own.length - 1),
            );
            for (const { startStep, totalSteps, judging } of own) {
              expect(startStep < totalSteps || judging).toBe(true);
            }
          }
        },
      ),
    );
  });
});
