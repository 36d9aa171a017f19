import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import {
  bestOfLast,
  judgeLast,
  judgeOnTheWay,
  scoredStudent,
  type ScoredStudent,
} from "../../../../protocol/round/gate.ts";
import { learningRateAt } from "../../../../protocol/round/schedule.ts";
import { summariseScores } from "../../../../protocol/round/score-summary.ts";
import { configOf } from "./config-of.ts";

/** Students of rounds 1, 2, … as `[agreement, transfer rate]`. */
function students(
  scores: readonly (readonly [number, number | null])[],
  images = 400,
): ScoredStudent[] {
  return scores.map(([agreement, transferRate], i) => ({
    round: i + 1,
    agreement,
    images,
    transferRate,
    moved: transferRate === null ? 0 : images,
  }));
}

const QUIET = students([
  [0.85, 0.04],
  [0.9, 0.05],
  [0.92, 0.03],
  [0.93, 0.04],
]);

const last = (agreement: number, transferRate: number | null, changes = {}): ScoredStudent => ({
  ...students([[agreement, transferRate]])[0]!,
  round: 5,
  ...changes,
});

const NO_RATE = 0.01;

/** A commit with scores, absurd where they may be. */
const said = (agreement: number) => ({
  weight: 0,
  loss: 1e39,
  scores: {
    images: 50,
    loss: 1e39,
    agreement,
    transfer: { class: 0, moved: 10, followed: 1 },
    perturbed: [],
  },
});

/** A commit of one whose images the teacher mistakes `moved` times. */
const sawMistakes = (moved: number, followed: number) => {
  const { scores, ...rest } = said(0.9);
  return { ...rest, scores: { ...scores, transfer: { class: 0, moved, followed } } };
};

/** A student whose mistakes one of three saw. */
const seenByOne = (followed: number): ScoredStudent => {
  const commits = [sawMistakes(0, 0), sawMistakes(0, 0), sawMistakes(50, followed)];
  return scoredStudent(configOf(), 5, summariseScores(commits))!;
};

describe("the last student", () => {
  it("[J11.3] passes where it is what those before it are", () => {
    expect(judgeLast(QUIET, 5, last(0.92, 0.05))).toEqual({ verdict: "passed", round: 5 });
    // Plain distillation that hands mistakes down little by little: for the alarm, not for this.
    const slow = students([0.4, 0.45, 0.49, 0.51].map((rate) => [0.94, rate] as const));
    expect(judgeLast(slow, 5, last(0.95, 0.55))).toMatchObject({ verdict: "passed" });
  });

  it("[J11.3] [J11.7] fails when its agreement has collapsed, and goes back to the best of the last three", () => {
    const gate = judgeLast(QUIET, 5, last(0.1, 0));
    expect(gate).toMatchObject({ verdict: "failed", reason: "collapse", fellBackTo: 4 });
    expect(gate).toHaveProperty("detail", expect.stringMatching(/0\.100 of images.*0\.900/));
    expect(judgeLast(QUIET, 5, last(0.84, 0.04))).toMatchObject({ reason: "collapse" });
    expect(judgeLast(QUIET, 5, last(0.86, 0.04))).toMatchObject({ verdict: "passed" });
  });

  it("[J11.3] fails when it makes the teacher's mistakes again, however well it agrees", () => {
    const gate = judgeLast(QUIET, 5, last(1, 0.92));
    expect(gate).toMatchObject({ verdict: "failed", reason: "mistakes", fellBackTo: 4 });
    expect(judgeLast(QUIET, 5, last(0.95, 0.19))).toMatchObject({ verdict: "passed" });
    expect(judgeLast(QUIET, 5, last(0.95, 0.21))).toMatchObject({ reason: "mistakes" });
  });

  it("[J11.2] grants what chance does with few images, and twice that with others", () => {
    const few = students([[0.9, 0.1]], 16);
    expect(judgeLast(few, 5, last(0.7, 0.3, { images: 16, moved: 16 }))).toMatchObject({
      verdict: "passed",
    });
    expect(judgeLast(few, 5, last(0.6, 0.1, { images: 16, moved: 16 }))).toMatchObject({
      reason: "collapse",
    });
    expect(judgeLast(few, 5, last(0.5, 0.5, { images: 20, moved: 20 }))).toMatchObject({
      verdict: "passed",
    });
  });

  it("[J11.1] decides nothing of mistakes where nobody saw any, before or now", () => {
    const unseen = students([
      [0.9, null],
      [0.9, null],
    ]);
    expect(judgeLast(unseen, 5, last(0.9, 1))).toMatchObject({ verdict: "passed" });
    expect(judgeLast(QUIET, 5, last(0.9, null))).toMatchObject({ verdict: "passed" });
    expect(judgeLast(unseen, 5, last(0.1, null))).toMatchObject({ reason: "collapse" });
  });

  it("[J10] [J11.4] is unjudged where too few scored it, or none before it, and that is said", () => {
    for (const gate of [judgeLast(QUIET, 5, undefined), judgeLast([], 1, last(0.1, 1))]) {
      expect(gate).toMatchObject({ verdict: "unjudged" });
      expect(gate).toHaveProperty("detail", expect.stringContaining("nobody judged"));
    }
  });

  it("[J9] [J10] is seen through medians, and not where fewer scored it than three", () => {
    const config = configOf();
    const three = summariseScores([said(0.9), said(0.92), said(0)]);
    expect(scoredStudent(config, 5, three)).toEqual({
      round: 5,
      agreement: 0.9,
      images: 150,
      transferRate: 0.1,
      moved: 30,
    });
    expect(scoredStudent(config, 5, summariseScores([said(0.9), said(0.9)]))).toBeUndefined();
    expect(scoredStudent(config, 5, null)).toBeUndefined();
  });

  it("[J11.1] is no case of mistakes that fewer than three saw: one alone could invent them", () => {
    expect(judgeLast([seenByOne(0)], 5, seenByOne(50))).toMatchObject({ verdict: "passed" });
  });
});

describe("a student on the way", () => {
  it("[J11.6] is lost when it has collapsed from the best before it", () => {
    expect(judgeOnTheWay(QUIET, last(0.1, 0), 1)).toMatchObject({
      verdict: "failed",
      reason: "collapse",
      fellBackTo: 4,
    });
    expect(judgeOnTheWay(QUIET, last(0.74, 0), 1)).toBeUndefined();
    expect(judgeOnTheWay([], last(0.1, 1), 0)).toBeUndefined();
  });

  it("[J11.6] is lost when it makes the teacher's mistakes all at once, late in the schedule", () => {
    expect(judgeOnTheWay(QUIET, last(1, 0.9), NO_RATE)).toMatchObject({ reason: "mistakes" });
    expect(judgeOnTheWay(QUIET, last(1, 0.9), 0.6)).toBeUndefined();
    expect(judgeOnTheWay(QUIET, last(1, 0.33), NO_RATE)).toBeUndefined();
  });

  it("[J11.7] goes back to the latest of equals", () => {
    expect(
      bestOfLast(
        students([
          [0.9, 0],
          [0.9, 0],
          [0.8, 0],
        ]),
      )?.round,
    ).toBe(2);
    expect(bestOfLast([])).toBeUndefined();
  });
});

interface Recorded {
  readonly case: string;
  readonly strategy: string;
  readonly config: { readonly distillation: { readonly rounds: number } };
  readonly curve: readonly {
    readonly round: number;
    readonly leg: string;
    readonly roundOfLeg: number;
    readonly judging: boolean;
    readonly heldOut: {
      readonly images: number;
      readonly medians: { readonly agreement: number; readonly transferRate: number | null };
    } | null;
  }[];
}

/** Campaigns of the bench, nobody hostile in them, that ran to the end of their schedule or near it. */
function recorded(): Recorded[] {
  return ["results/cleanse.jsonl", "research/2026-11-28-earlier-defaults/cleanse.jsonl"].flatMap(
    (name) =>
      readFileSync(`docs/${name}`, "utf8")
        .trim()
        .split("\n")
        .map((line) => JSON.parse(line) as Recorded),
  );
}

describe("campaigns on record", () => {
  it("[J11] none would have failed, on its way or at its end", () => {
    let judged = 0;
    for (const { curve, config, case: name, strategy } of recorded()) {
      const rounds = curve.filter(({ leg, heldOut }) => leg === "main" && heldOut !== null);
      const trained = rounds
        .filter(({ roundOfLeg }) => roundOfLeg > 0)
        .map(({ round, roundOfLeg, judging, heldOut }) => {
          const { images, medians } = heldOut!;
          // What was not recorded: a large number grants chance least.
          const student = { round, ...medians, images, moved: images };
          return { student, judging, roundOfLeg };
        });
      for (const [i, { student, judging, roundOfLeg }] of trained.entries()) {
        const before = trained.slice(0, i).map((one) => one.student);
        const progress = { step: roundOfLeg - 1, totalSteps: config.distillation.rounds };
        const where = `${name} ${strategy}, round ${student.round}`;
        if (!judging) {
          expect(judgeOnTheWay(before, student, learningRateAt(progress, 1)), where).toBe(
            undefined,
          );
          continue;
        }
        // After a fall-back the student is an earlier one, which the others are no measure of.
        if (roundOfLeg < config.distillation.rounds) continue;
        expect(judgeLast(before, student.round, student), where).toMatchObject({
          verdict: "passed",
        });
        judged++;
      }
    }
    expect(judged).toBeGreaterThan(60);
  });
});
