import { expect, it } from "vitest";
import {
  statusText,
  totalsText,
  workNotes,
} from "../../../../client/cli/show/participant-progress.ts";
import { afterVerdict, NO_TOTALS } from "../../../../client/participant/totals.ts";

it("a terminal says which probe is trained and judged, and of which round", () => {
  const place = { round: 4, attempt: 0, part: { kind: "probe", number: 2, of: 3 } } as const;
  const training = { ...place, kind: "training", step: 3, localSteps: 20 } as const;
  expect(statusText({ ...training, loss: 0.5, imagesPerSecond: 80 })).toBe(
    "round 5, probe 2 of 3: step 3 of 20, loss 0.5000, 80 images/s",
  );
  expect(statusText({ ...place, kind: "judging", passes: 7, totalPasses: 39 })).toBe(
    "round 5, probe 2 of 3: judging the student on held-out images, pass 7 of 39",
  );
  const main = { ...place, part: { kind: "main" } } as const;
  expect(statusText({ ...main, kind: "judging", passes: 7, totalPasses: 39 })).toMatch(
    /^round 5: /,
  );
  expect(statusText({ kind: "uploading", round: 4, bytes: 0, totalBytes: 0 })).toBe(
    "round 5: sending the scores",
  );
});

it("a terminal says what is sought before the first step, and how far it is", () => {
  const status = { kind: "seeking", searches: 4, totalSearches: 19 } as const;
  expect(statusText(status)).toMatch(/^seeking what misleads the teacher, search 4 of 19$/);
});

it("[F2.1] a terminal says why pictures do not fit", () => {
  expect(statusText({ kind: "fitting" })).toContain("asking the teacher");
  const misfit = { cause: "pictures", detail: "they are far away" } as const;
  expect(statusText({ kind: "asking", misfit })).toBe(
    "these images do not look like what this model was trained on: they are far away",
  );
});

it("statistics are counted apart from updates, and told", () => {
  const accepted = { verdict: "accepted", round: 0, weight: 64 } as const;
  const few = { verdict: "rejected", round: 0, reason: "too-few-images", detail: "few" } as const;
  let totals = afterVerdict(NO_TOTALS, few, "statistics", { examples: 0, seconds: 0 });
  expect(totals).toEqual(NO_TOTALS);
  totals = afterVerdict(totals, accepted, "statistics", { examples: 64, seconds: 2 });
  expect(totals).toEqual({ ...NO_TOTALS, measured: 1 });
  expect(totalsText(totals)).toContain("0 rounds judged, statistics measured; 0 images");
  const status = { kind: "statistics", round: 0, attempt: 0, images: 32, totalImages: 64 } as const;
  expect(statusText(status)).toMatch(/^round 1: measuring statistics .*, 32 of 64$/);
});

it("judgements are counted apart from updates", () => {
  const accepted = { verdict: "accepted", round: 0, weight: 1 } as const;
  const late = { verdict: "rejected", round: 1, reason: "goal-reached", detail: "late" } as const;
  let totals = afterVerdict(NO_TOTALS, accepted, "update", { examples: 64, seconds: 2 });
  totals = afterVerdict(totals, accepted, "scores", { examples: 0, seconds: 3 });
  totals = afterVerdict(totals, late, "scores", { examples: 0, seconds: 3 });
  expect(totals).toMatchObject({ contributed: 1, accepted: 1, rejected: 0, judged: 1 });
  expect(totalsText(totals)).toContain(
    "1 updates accepted, 0 rejected, 1 rounds judged; 64 images",
  );
});

const seeking = (searches: number) => ({ kind: "seeking", searches, totalSearches: 19 }) as const;

it("participants of one process are told of when one does what none did before, and every half minute", () => {
  const lines: string[] = [];
  let now = 0;
  const tell = workNotes(
    (line) => lines.push(line),
    () => now,
  );
  tell("one", { kind: "joining" });
  tell("one", seeking(1));
  tell("two", seeking(1));
  now = 29_999;
  tell("one", seeking(2));
  now = 30_000;
  tell("two", { kind: "waiting", reason: "combining", detail: null, round: null });
  tell("two", seeking(3));
  tell("one", { kind: "fitting" });
  expect(lines).toEqual([
    "one: seeking what misleads the teacher, search 1 of 19",
    "two: seeking what misleads the teacher, search 3 of 19",
    "one: asking the teacher what it makes of these images",
  ]);
});
