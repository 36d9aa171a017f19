import { describe, expect, it } from "vitest";
import type { CampaignConfigInput } from "../../../../protocol/round/campaign-config.ts";
import type { WatchedRound } from "../../../../protocol/round/decisions.ts";
import { overshootAfter, pullBackAfter } from "../../../../protocol/round/steps-along-line.ts";
import { placeOf } from "../../../../protocol/round/timeline.ts";
import { configOf } from "./config-of.ts";

/** Rounds 1, 2, … of a leg, with these transfer rates. */
function watched(rates: readonly (number | null)[]): WatchedRound[] {
  return rates.map((transferRate, i) => ({
    round: i + 1,
    trainingLoss: 0.1,
    agreement: 0.9,
    transferRate,
    moved: transferRate === null ? 0 : 50,
    reach: 0.4,
  }));
}

/** What is decided after a round of twelve. */
function decided(
  decide: typeof overshootAfter,
  round: number,
  rates: readonly (number | null)[],
  changes: Partial<CampaignConfigInput> = {},
) {
  const config = configOf(changes);
  return decide(config, watched(rates), placeOf(config, round));
}

const after = decided.bind(null, overshootAfter);
const backAfter = decided.bind(null, pullBackAfter);

const lipschitz = (outliers: number): Partial<CampaignConfigInput> => ({
  reinit: { strategy: { kind: "lipschitz", outliers }, strength: 0 },
});

const SIX = [0.5, 0.3, 0.2, 0.1, 0.1, 0.16];

describe("an overshoot", () => {
  it("[J13] is decided by the mean of the last rounds, two thirds through", () => {
    expect(after(6, SIX)).toEqual({
      round: 6,
      factor: 1.3,
      detail: expect.stringContaining("0.120 of the teacher's mistakes too, more than 0.1"),
    });
    for (const round of [5, 7]) expect(after(round, SIX)).toBeUndefined();
  });

  it("[J13] is not, where students make few of the teacher's mistakes", () => {
    expect(after(6, [0.5, 0.5, 0.5, 0.1, 0.1, 0.08])).toBeUndefined();
  });

  it("[J6.1] [J13] leaves out rounds in which nobody saw a mistake", () => {
    expect(after(6, [0.5, 0.3, 0.2, 0.1, 0.1, null])).toBeUndefined();
    expect(after(6, [null, null, 0.2, 0.3, null, 0.1])).toMatchObject({ factor: 1.3 });
    expect(after(6, [null, null, null, null, 0.2, 0.3])).toBeUndefined();
  });

  it("[J13] is for a student that began as its teacher, and can be off", () => {
    expect(after(6, SIX, { reinit: { strength: 1 } })).toBeUndefined();
    expect(after(6, SIX, { judging: { overshoot: null } })).toBeUndefined();
    // Outliers are redrawn at any strength.
    expect(after(6, SIX, lipschitz(3))).toBeUndefined();
    expect(after(6, SIX, lipschitz(0))).toMatchObject({ factor: 1.3 });
  });
});

describe("a pull back", () => {
  const FEW = [0.5, 0.3, 0.2, 0.05, 0, 0.01];
  const ON = { judging: { pullBack: {} } };

  it("[J14] is decided by the mean of the last rounds, two thirds through", () => {
    expect(backAfter(6, FEW, ON)).toEqual({
      round: 6,
      factor: 0.5,
      detail: expect.stringContaining("0.020 of the teacher's mistakes too, no more than 0.03"),
    });
    for (const round of [5, 7]) expect(backAfter(round, FEW, ON)).toBeUndefined();
  });

  it("[J14] is not, where students make more of the teacher's mistakes", () => {
    expect(backAfter(6, [0, 0, 0, 0.1, 0, 0], ON)).toBeUndefined();
    expect(backAfter(6, SIX, ON)).toBeUndefined();
  });

  it("[J14] is for a student that began as its teacher, and off unless it is asked for", () => {
    expect(backAfter(6, FEW, { ...ON, reinit: { strength: 1 } })).toBeUndefined();
    expect(backAfter(6, FEW)).toBeUndefined();
    expect(backAfter(6, FEW, { ...ON, ...lipschitz(3) })).toBeUndefined();
  });
});
