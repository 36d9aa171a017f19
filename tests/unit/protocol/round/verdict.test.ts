import { describe, expect, it } from "vitest";
import { NOTHING_DECIDED } from "../../../../protocol/round/decisions.ts";
import { judgingSchema } from "../../../../protocol/round/judging.ts";
import type { ScoreSummary } from "../../../../protocol/round/score-summary.ts";
import { VERDICT, verdictOf, type VerdictFacts } from "../../../../protocol/round/verdict.ts";

interface Medians {
  readonly agreement?: number;
  readonly transferRate?: number | null;
  readonly reach?: number | null;
  readonly perturbed?: number;
  readonly images?: number;
}

/** Scores as those of a cleansed student are, but for what is given. */
function scores({ images = 400, perturbed = 0.78, ...medians }: Medians = {}): ScoreSummary {
  return {
    participants: 8,
    images,
    loss: 0.1,
    agreement: 0.92,
    transfer: { moved: 100, followed: 2, classes: [] },
    bends: [],
    perturbed: [],
    medians: {
      trainingLoss: null,
      loss: 0.1,
      agreement: 0.92,
      transferRate: 0.02,
      reach: 0.95,
      bendReach: null,
      perturbed: [
        { radius: 0.036, agreement: perturbed },
        { radius: 0.145, agreement: 0.3 },
      ],
      ...medians,
    },
  };
}

const PASSED = { ...NOTHING_DECIDED, gate: { verdict: "passed" as const, round: 12 } };

function verdict(facts: Partial<VerdictFacts> = {}) {
  return verdictOf({
    state: "finished",
    detail: null,
    decisions: PASSED,
    judging: judgingSchema.parse({}),
    scores: scores(),
    fewest: 8,
    steppedDown: [],
    hidden: null,
    pictures: { told: 8, unfit: 0 },
    ...facts,
  });
}

const told = (facts: Partial<VerdictFacts>) => {
  const { reasons, verdict: word } = verdict(facts)!;
  return [word, ...reasons.map(({ code }) => code)];
};

describe("the verdict", () => {
  it("[V1] is none while a campaign goes on", () => {
    for (const state of ["ready", "running", "paused"] as const)
      expect(verdict({ state })).toBeNull();
  });

  it("[V2] is cleansed where nothing speaks against it, and says by what", () => {
    expect(told({})).toEqual(["cleansed", "all-held"]);
    expect(verdict()!.reasons[0]!.text).toMatch(/95 %.* 2.0 %.* 92 % \(400 pictures/);
  });

  it.each([
    ["mistakes-kept", { transferRate: VERDICT.transferRate + 0.01 }],
    ["answers-changed", { agreement: VERDICT.agreement - 0.01 }],
    ["easily-misled", { perturbed: VERDICT.perturbed - 0.01 }],
    ["nothing-small-misleads", { reach: VERDICT.reach - 0.01 }],
    ["nothing-small-misleads", { reach: null }],
    ["no-mistakes-seen", { transferRate: null }],
    ["few-images", { images: VERDICT.images - 1 }],
  ] as const)("[V2] is doubtful for one thing alone: %s", (code, medians) => {
    expect(told({ scores: scores(medians) })).toEqual(["doubtful", code]);
  });

  it("[V2] is cleansed at the thresholds themselves", () => {
    const { agreement, images, perturbed, reach, transferRate } = VERDICT;
    expect(told({ scores: scores({ agreement, images, perturbed, reach, transferRate }) })).toEqual(
      ["cleansed", "all-held"],
    );
  });

  it("[V2] is doubtful after an alarm, and where most pictures are of another kind", () => {
    const alarm = { round: 5, fellBackTo: 3, detail: "it grew" };
    expect(told({ decisions: { ...PASSED, alarm } })).toEqual(["doubtful", "regrowth"]);
    expect(told({ pictures: { told: 4, unfit: 3 } })).toEqual(["doubtful", "other-pictures"]);
    expect(told({ pictures: { told: 4, unfit: 2 } })).toEqual(["cleansed", "all-held"]);
  });

  it("[V3] is failed where the student has most of what misleads the teacher, or the campaign failed", () => {
    const kept = { transferRate: VERDICT.kept + 0.01 };
    expect(told({ scores: scores(kept) })).toEqual(["failed", "mistakes-kept"]);
    expect(told({ scores: scores({ ...kept, reach: 0.2 }) })[0]).toBe("doubtful");
    const gate = {
      verdict: "failed" as const,
      round: 7,
      reason: "collapse" as const,
      fellBackTo: 6,
      detail: "it has collapsed",
    };
    const failed = { state: "failed" as const, decisions: { ...NOTHING_DECIDED, gate } };
    expect(told(failed)).toEqual(["failed", "campaign-failed"]);
    expect(verdict(failed)!.reasons[0]!.text).toBe("It has collapsed.");
  });

  it("[V4] is not judged without scores, without a gate, and of an aborted campaign", () => {
    expect(told({ scores: null })).toEqual(["not-judged", "nobody-judged"]);
    expect(told({ decisions: NOTHING_DECIDED })).toEqual(["not-judged", "nobody-judged"]);
    const gate = { verdict: "unjudged" as const, round: 7, detail: "too few could" };
    const unjudged = verdict({ decisions: { ...NOTHING_DECIDED, gate } })!;
    expect(unjudged.verdict).toBe("not-judged");
    expect(unjudged.reasons[0]!.text).toBe("Too few could.");
    expect(told({ state: "aborted" })).toEqual(["not-judged", "campaign-aborted"]);
  });

  it("[V5] says what bounds its worth, whatever it is", () => {
    expect(told({ fewest: 2 })).toEqual(["cleansed", "all-held", "few-participants"]);
    expect(told({ fewest: 3 })).toEqual(["cleansed", "all-held"]);
    expect(told({ hidden: 5 })).toEqual(["cleansed", "all-held", "updates-hidden"]);
    const stepped = verdict({ steppedDown: ["median-clipped-mean"], scores: null })!;
    expect(stepped.reasons.map(({ code }) => code)).toEqual(["nobody-judged", "rule-stepped-down"]);
    expect(stepped.reasons[1]!.text).toContain("median-clipped-mean");
  });

  it("[V6] has a next step for every word", () => {
    const steps = [
      verdict(),
      verdict({ scores: null }),
      verdict({ state: "failed" }),
      verdict({ scores: scores({ agreement: 0.5 }) }),
      verdict({ scores: scores({ reach: 0.1 }) }),
    ].map((one) => one!.next);
    expect(new Set(steps).size).toBe(5);
  });
});
