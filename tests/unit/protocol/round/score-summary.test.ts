import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { scoresSchema, type Scores } from "../../../../protocol/round/judging.ts";
import {
  summariseScores,
  weightedMedian,
  type ScoredCommit,
} from "../../../../protocol/round/score-summary.ts";

const weighted = fc.record({
  value: fc.double({ min: 0, max: 1, noNaN: true }),
  weight: fc.integer({ min: 1, max: 64 }),
});

function said(images: number, agreement: number, flips: readonly number[]): ScoredCommit {
  const flipped = flips.reduce((sum, count) => sum + count, 0);
  const scores: Scores = {
    images,
    loss: agreement / 2,
    agreement,
    transfer: { class: 1, reach: agreement / 4, moved: flipped, followed: flips[1]! },
    perturbed: [{ radius: 0.1, agreement: 1 - flipped / images, flips: [...flips] }],
  };
  return { weight: 2 * images, loss: agreement, scores };
}

function claim(moved: number, followed: number): ScoredCommit {
  const transfer = { class: 0, reach: 0.5, moved, followed };
  return {
    weight: 10,
    loss: 1,
    scores: { images: 64, loss: 1, agreement: 1, transfer, perturbed: [] },
  };
}

const of = (...pairs: [number, number][]) =>
  weightedMedian(pairs.map(([value, weight]) => ({ value, weight })));

/** A participant that finds its teacher led to a class. */
function ledTo(label: number, moved = 10): ScoredCommit {
  const { scores, ...rest } = claim(moved, 0);
  const transfer = { class: label, reach: 0.5, moved, followed: 0 };
  return { ...rest, scores: { ...scores!, transfer } };
}

/** A participant that says how far what bends images leads its teacher. */
function bentTo(label: number, reach: number, images = 64): ScoredCommit {
  const { scores, ...rest } = claim(10, 0);
  return { ...rest, scores: { ...scores!, images, bend: { class: label, reach } } };
}

describe("what bends images and misleads the teacher", () => {
  it("[J2.10] [J9] is told as the median of those who tell, and whereto most are led", () => {
    const told = [bentTo(4, 1), bentTo(4, 0.9), bentTo(2, 0.1), bentTo(0, 0)];
    const summary = summariseScores([...told, claim(10, 0)])!;
    expect(summary.medians.bendReach).toBe(0.5);
    expect(summary.bends).toEqual([
      { class: 4, participants: 2 },
      { class: 2, participants: 1 },
    ]);
    const loud = summariseScores([bentTo(4, 0.1, 10), bentTo(4, 0.2, 10), bentTo(4, 1, 64)])!;
    expect(loud.medians.bendReach).toBe(0.2);
  });

  it("[J2.10] is not known where nobody seeks it", () => {
    const summary = summariseScores([claim(10, 0)])!;
    expect(summary.medians.bendReach).toBeNull();
    expect(summary.bends).toEqual([]);
  });
});

describe("scores of a participant of before `reach` was asked for", () => {
  it("[R9][J8] stay as they were said, so that what is made of them is the same again", () => {
    const { scores } = claim(5, 2);
    const { reach: _reach, ...transfer } = scores!.transfer;
    const before = { ...scores!, transfer };
    expect(JSON.stringify(scoresSchema.parse(before))).toBe(JSON.stringify(before));
  });

  it("[J8.3] count as if the teacher were led to a class on all images", () => {
    const told = claim(5, 2);
    const { reach: _reach, ...transfer } = told.scores!.transfer;
    const untold = { ...told, scores: { ...told.scores!, transfer } };
    expect(summariseScores([untold])!.medians.reach).toBe(1);
    expect(summariseScores([told, untold, untold])!.medians.reach).toBe(1);
    expect(summariseScores([told, told, untold])!.medians.reach).toBe(0.5);
  });
});

describe("a weighted median", () => {
  it("[J9.2] lies where half of the weight is on either side", () => {
    expect(of([9, 1], [1, 1], [5, 1])).toBe(5);
    expect(of([1, 1], [5, 1], [9, 3])).toBe(9);
    expect(of([1, 2], [5, 1], [9, 3])).toBe(7);
    expect(of([4, 7])).toBe(4);
    expect(of([4, 0], [2, 1])).toBe(2);
    expect(of()).toBeNaN();
  });

  it("[J9.2] has no more than half of the weight below it, nor above", () => {
    fc.assert(
      fc.property(fc.array(weighted, { minLength: 1 }), (values) => {
        const median = weightedMedian(values);
        const weigh = (test: (value: number) => boolean) =>
          values.filter(({ value }) => test(value)).reduce((sum, { weight }) => sum + weight, 0);
        const total = weigh(() => true);
        expect(2 * weigh((value) => value < median)).toBeLessThanOrEqual(total);
        expect(2 * weigh((value) => value > median)).toBeLessThanOrEqual(total);
        expect(weightedMedian(values.toReversed())).toBe(median);
      }),
    );
  });

  it("[J9] stays among the honest values whatever less than half of the weight says", () => {
    fc.assert(
      fc.property(fc.array(weighted, { minLength: 1 }), fc.array(weighted), (honest, lies) => {
        const sum = honest.reduce((total, { weight }) => total + weight, 0);
        let left = sum - 1;
        const liars = lies.flatMap(({ value, weight }) => {
          const taken = Math.min(weight, left);
          left -= taken;
          return taken > 0 ? [{ value: value * 1000 - 500, weight: taken }] : [];
        });
        const median = weightedMedian([...honest, ...liars]);
        const own = honest.map(({ value }) => value);
        expect(median).toBeGreaterThanOrEqual(Math.min(...own));
        expect(median).toBeLessThanOrEqual(Math.max(...own));
      }),
    );
  });
});

describe("the summary of a round's scores", () => {
  it("[J2.4] tells how many find the teacher led to which class, without those who move no image", () => {
    const commits = [ledTo(3), ledTo(1), ledTo(0), ledTo(3), ledTo(7, 0), ledTo(1)];
    expect(summariseScores(commits)!.transfer.classes).toEqual([
      { class: 1, participants: 2 },
      { class: 3, participants: 2 },
      { class: 0, participants: 1 },
    ]);
  });

  it("[J9] has means by images, flips summed by class, and medians", () => {
    const summary = summariseScores([
      said(10, 1, [0, 4, 1]),
      said(30, 0.8, [0, 15, 0]),
      { weight: 100, loss: 7, scores: null },
      said(20, 0.5, [2, 0, 0]),
    ])!;
    expect(summary).toMatchObject({ participants: 3, images: 60 });
    expect(summary.agreement).toBeCloseTo((10 + 24 + 10) / 60, 12);
    expect(summary.loss).toBeCloseTo((10 + 24 + 10) / 120, 12);
    expect(summary.transfer).toMatchObject({ moved: 22, followed: 19 });
    expect(summary.perturbed).toEqual([
      {
        radius: 0.1,
        agreement: expect.closeTo(1 - 22 / 60, 12),
        flips: [2, 19, 1],
        topClass: 1,
        topShare: 19 / 22,
      },
    ]);
    // Examples: 40 at .5, 60 at .8, 20 at 1 and 100 at 7.
    expect(summary.medians).toEqual({
      trainingLoss: 1,
      loss: 0.4,
      agreement: 0.8,
      // .8 of 5 images, 1 of 15 that count as 5, 0 of 2.
      transferRate: 0.8,
      // As the agreement, a quarter of it.
      reach: 0.2,
      bendReach: null,
      perturbed: [{ radius: 0.1, agreement: expect.closeTo((0.5 + 0.5) / 2, 12) }],
    });
  });

  it("[J9.1] believes nobody more for claiming more than most", () => {
    const honest = [claim(15, 3), claim(14, 4), claim(15, 2)];
    const lied = summariseScores([...honest, claim(64, 64)])!;
    expect(lied.medians.transferRate).toBe(3 / 15);
    // Two claims: the smaller counts.
    expect(summariseScores([claim(4, 1), claim(64, 64)])!.medians.transferRate).toBe(
      (0.25 + 1) / 2,
    );
  });

  it("[J9] of a judging round has no training loss; of a silent one there is none", () => {
    const judged = summariseScores([{ ...said(10, 1, [0, 0]), weight: 0 }])!;
    expect(judged.medians.trainingLoss).toBeNull();
    expect(judged.medians.transferRate).toBeNull();
    expect(judged.perturbed[0]).toMatchObject({ topClass: null, topShare: null });
    expect(summariseScores([{ weight: 1, loss: 1, scores: null }])).toBeNull();
    expect(summariseScores([])).toBeNull();
  });
});
