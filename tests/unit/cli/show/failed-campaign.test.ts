import { describe, expect, it } from "vitest";
import { CommandError } from "../../../../client/cli/command-error.ts";
import { gateText, requireNotFailed } from "../../../../client/cli/show/failed-campaign.ts";

const failed = (fellBackTo: number | null) => ({
  state: "failed" as const,
  detail: null,
  gate: {
    verdict: "failed" as const,
    round: 8,
    reason: "collapse" as const,
    fellBackTo,
    detail: "it has collapsed",
  },
});

const run = (fellBackTo: number | null) => () =>
  requireNotFailed(failed(fellBackTo), "out.safetensors");

describe("a campaign that failed", () => {
  it("[J11] ends a command with an error that says what a written file holds", () => {
    expect(run(7)).toThrow(CommandError);
    expect(run(7)).toThrow(/FAILED: it has collapsed; .* went back to the student of round 7/);
    expect(run(7)).toThrow(
      expect.objectContaining({
        advice: expect.stringMatching(/out.* holds the last good student/),
      }),
    );
    expect(run(null)).toThrow(
      expect.objectContaining({
        advice: expect.stringMatching(/a student that is NOT to be used/),
      }),
    );
  });

  it("[J11] is no other", () => {
    for (const state of ["ready", "running", "paused", "finished", "aborted"] as const) {
      requireNotFailed({ state, detail: null, gate: undefined });
    }
    expect(gateText({ gate: { verdict: "passed", round: 8 } })).toBeUndefined();
    expect(gateText({ gate: undefined })).toBeUndefined();
    const unjudged = { verdict: "unjudged" as const, round: 8, detail: "nobody judged it" };
    expect(gateText({ gate: unjudged })).toBe("nobody judged it");
  });
});
