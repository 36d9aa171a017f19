import { describe, expect, it } from "vitest";
import {
  beginningOf,
  dueAt,
  phaseAfter,
  phaseOf,
  phasesOf,
} from "../../edge/campaign/rounds/phases.ts";
import type { AttemptRecord } from "../../edge/campaign/store/attempt-record.ts";
import { campaignConfigSchema } from "../../protocol/round/campaign-config.ts";
import { placeOf } from "../../protocol/round/timeline.ts";

/** A statistics round, a probe of one training round with its judging round, and the main leg. */
const config = campaignConfigSchema.parse({
  model: "ab".repeat(32),
  preprocessing: { mean: [0, 0, 0], std: [1, 1, 1] },
  reinit: { strategy: { kind: "bn-divergence" }, strength: "auto" },
  probes: { strengths: [1, 2], rounds: 1 },
  round: { goal: 8, minimum: 5, deadlineSeconds: 60 },
});
const campaign = { config, course: {} };
const KINDS = ["statistics", "training", "judging"];

function attempt(changes: Partial<AttemptRecord>): AttemptRecord {
  return {
    round: 1,
    attempt: 0,
    state: "open",
    openedAt: 0,
    deadline: null,
    endedAt: null,
    detail: null,
    updateNorm: null,
    scores: null,
    opened: null,
    sealedUnder: null,
    uploadedBytes: 0,
    failures: 0,
    retryAt: null,
    ...changes,
  };
}

describe("the phases of an attempt", () => {
  it.each(KINDS)("[R1] at a %s round begin with participants and end with work", (kind) => {
    const phases = phasesOf(placeOf(config, KINDS.indexOf(kind)), config);
    expect(phases[0]!.by).toBe("participants");
    expect(phases.at(-1)!.by).toBe("coordinator");
    // By its state alone a row tells which phase its attempt is in.
    expect(new Set(phases.map(({ state }) => state)).size).toBe(phases.length);
  });

  it("[R1] [B5] differ by what the coordinator works on and by what it needs for that", () => {
    const needed = KINDS.map((_, round) => {
      const [awaited, work] = phasesOf(placeOf(config, round), config);
      if (awaited?.by !== "participants" || work?.by !== "coordinator") throw new Error();
      return [work.work, awaited.minimum(config.round)];
    });
    expect(needed).toEqual([
      ["pool", 5],
      ["combine", 5],
      ["judge", 5],
    ]);
    const [awaited] = phasesOf(placeOf(config, 0), config);
    if (awaited?.by !== "participants") throw new Error();
    expect(awaited.minimum({ ...config.round, minimum: 1 })).toBe(3);
  });

  it("[R1] follow on one another, each begun with what it needs", () => {
    const open = attempt({});
    expect(phaseOf(campaign, open)).toBeUndefined();
    const first = beginningOf(phaseAfter(campaign, open), config.round, 1000);
    expect(first).toEqual({ state: "collecting", deadline: 61_000 });
    const collecting = attempt(first);
    expect(dueAt(phaseOf(campaign, collecting)!, collecting)).toBe(61_000);
    const second = beginningOf(phaseAfter(campaign, collecting), config.round, 9000);
    expect(second).toEqual({ state: "combining", failures: 0, retryAt: null });
    const combining = attempt({ ...first, ...second, retryAt: 12_000 });
    expect(dueAt(phaseOf(campaign, combining)!, combining)).toBe(12_000);
    expect(() => phaseAfter(campaign, combining)).toThrow("no phase follows on 'combining'");
  });

  it.each(["committed", "aborted"] as const)("[R1] are over once it is %s", (state) => {
    expect(phaseOf(campaign, attempt({ state }))).toBeUndefined();
    expect(() => phaseAfter(campaign, attempt({ state }))).toThrow("no phase follows");
  });
});
