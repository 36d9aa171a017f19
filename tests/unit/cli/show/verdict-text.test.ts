import { describe, expect, it } from "vitest";
import {
  requireAccepted,
  requireCleansed,
  verdictRows,
} from "../../../../client/cli/show/verdict-text.ts";
import type { Verdict, VerdictWord } from "../../../../protocol/round/verdict.ts";

const verdict = (word: VerdictWord): Verdict => ({
  verdict: word,
  reasons: [
    { code: "few-images", text: "Few pictures." },
    { code: "regrowth", text: "It grew back." },
  ],
  next: "Do this.",
});

describe("a verdict on the command line", () => {
  it("[V6] is a word, its reasons and the next step", () => {
    expect(verdictRows({ verdict: verdict("not-judged") })).toEqual([
      ["verdict", "NOT JUDGED"],
      ["", "Few pictures."],
      ["", "It grew back."],
      ["next", "Do this."],
    ]);
    expect(verdictRows({ verdict: null })).toEqual([]);
  });

  it.each([
    ["failed", 1],
    ["doubtful", 3],
    ["not-judged", 4],
  ] as const)("ends a command of a campaign that is %s with exit code %i", (word, exitCode) => {
    const end = () => requireCleansed({ verdict: verdict(word) });
    expect(end).toThrow(expect.objectContaining({ exitCode, advice: "Do this." }));
    expect(end).toThrow(/: Few pictures. It grew back./);
  });

  it("ends it well where it is cleansed, or goes on", () => {
    requireCleansed({ verdict: verdict("cleansed") });
    requireCleansed({ verdict: null });
  });

  it("keeps a model back that is not cleansed, unless that is accepted", () => {
    requireAccepted({ verdict: verdict("cleansed") }, false);
    for (const word of ["failed", "doubtful", "not-judged"] as const) {
      requireAccepted({ verdict: verdict(word) }, true);
      const refused = () => requireAccepted({ verdict: verdict(word) }, false);
      expect(refused).toThrow(
        expect.objectContaining({ advice: expect.stringContaining("--accept") }),
      );
    }
    requireAccepted({ verdict: null }, true);
    expect(() => requireAccepted({ verdict: null }, false)).toThrow(/nobody has judged/);
  });
});
