import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { ATTACKS, CLEAN, firstRound } from "../../../bench/hostile/attacks.ts";
import { markdownReport } from "../../../bench/hostile/render.ts";
import { verdictOf, type HostileResult } from "../../../bench/hostile/result.ts";
import { openResults } from "../../../bench/hostile/results-file.ts";
import { longestOverMedian } from "../../../bench/hostile/update-norms.ts";

const clean = { acc: 0.95, asr: 0.06, ra: 0.83 };

const result = (changes: Partial<HostileResult> = {}): HostileResult => ({
  format: "scour-hostile-1",
  run: "0123456789abcdef",
  attack: "replacement:1-last",
  about: "the teacher",
  hostile: 1,
  when: "last",
  seed: 0,
  rule: { kind: "mean" },
  overrides: [],
  participants: 5,
  clean,
  after: { acc: 0.974, asr: 1, ra: 0 },
  broken: null,
  state: "finished",
  detail: null,
  watchExit: 0,
  said: "Campaign c-1 is finished after 9 of 9 rounds.",
  deaths: [],
  refusals: [],
  longest: { trainable: 523.4, statistics: null },
  roundsCommitted: 9,
  uploadedBytes: 1,
  seconds: 1,
  verdict: "FAIL",
  machine: "a machine",
  commit: "abcdef012345",
  finishedAt: "2026-01-02T03:04:05.000Z",
  ...changes,
});

const after = (acc: number | null, asr: number | null, watchExit: number | null = 0) =>
  verdictOf(clean, { after: { acc, asr, ra: 0 }, watchExit });

describe("the bench of hostile participants", () => {
  it("fails what ends as success 3 points of ACC lower or 5 of ASR higher, and nothing else", () => {
    expect(after(0.95, 0.06)).toBe("holds");
    expect(after(0.921, 0.109)).toBe("holds");
    expect(after(0.919, 0.06)).toBe("FAIL");
    expect(after(0.95, 0.111)).toBe("FAIL");
    expect(after(null, null)).toBe("FAIL");
    expect(after(0.1, 1, 1)).toBe("told");
    expect(after(0.1, 1, null)).toBe("told");
  });

  it("knows each attack by one name, and the rounds that it is made in", () => {
    const names = [CLEAN, ...ATTACKS].map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
    expect(ATTACKS.every(({ hostile }) => hostile < 3)).toBe(true);
    expect((["last", "late", "all"] as const).map((when) => firstRound(when, 8))).toEqual([
      7, 5, 0,
    ]);
    expect(firstRound("late", 2)).toBe(0);
  });

  it("measures the longest update that was taken, over the median of its round", () => {
    const norms = [1, 2, 3, 30].map((trainable, seat) => ({
      round: 4,
      seat,
      trainable,
      statistics: 1,
    }));
    const refused = { round: 4, seat: 3, trainable: 1e30, statistics: 1 };
    const earlier = { round: 3, seat: 3, trainable: 1e9, statistics: 1 };
    const all = [earlier, refused, ...norms];
    const over = (seats: number) =>
      longestOverMedian(all, { first: 4, seats, section: "trainable" });
    expect(over(4)).toBe(12);
    expect(over(1)).toBe(0.4);
    expect(over(0)).toBeNull();
  });

  it("keeps whole lines, removes one that was cut off, and names what is no result", async () => {
    const folder = await mkdtemp(join(tmpdir(), "scour-test-"));
    onTestFinished(async () => await rm(folder, { recursive: true, force: true }));
    const path = join(folder, "new", "hostile.jsonl");
    const { append, results } = await openResults(path);
    expect(results).toEqual([]);
    await append(result());
    await writeFile(path, `${JSON.stringify(result())}\n{"format":`);
    const again = await openResults(path);
    expect(again.results).toEqual([result()]);
    await again.append(result({ seed: 1 }));
    expect((await openResults(path)).results.map(({ seed }) => seed)).toEqual([0, 1]);
    await writeFile(path, `${JSON.stringify({ ...result(), seed: -1 })}\n`);
    await expect(openResults(path)).rejects.toThrow(/line 1 of .*hostile.jsonl .*seed/);
  });

  it("writes a table for each rule and seed, with what was said", () => {
    const refusals = ["value 0 is 1e30"];
    const text = markdownReport(
      [
        result(),
        result({ refusals, verdict: "holds", rule: { kind: "norm-clipped-mean", clipNorm: 3 } }),
        result({
          seed: 1,
          state: "failed",
          watchExit: 1,
          detail: "agreement fell",
          verdict: "told",
        }),
      ],
      undefined,
    );
    expect(text).toContain("3 campaigns, 1 failed.");
    const titles = text.split("\n").filter((line) => line.startsWith("## "));
    expect(titles).toEqual([
      "## mean, seed 0",
      "## norm-clipped-mean, clipNorm 3, seed 0",
      "## mean, seed 1",
    ]);
    expect(text).toMatch(
      /\| replacement \| the teacher +\| 1 of 5, last round +\| 97.4 \| 100.0 \| 0.0 \| finished \| 0 +\| 523 \/ –/,
    );
    expect(text).toContain("refused 1 ×: value 0 is 1e30");
    expect(text).toContain("agreement fell");
  });
});
