import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { doubtsOf } from "../../../../../protocol/round/trial/doubts.ts";
import {
  equationOf,
  influencesOf,
  type TriedRound,
} from "../../../../../protocol/round/trial/influence.ts";
import type { Examination } from "../../../../../protocol/round/trial/examination.ts";
import {
  furtherCandidates,
  nextStep,
  type NextStep,
  type TriedCandidate,
} from "../../../../../protocol/round/trial/next-step.ts";
import { areLeftOut, standingsAt } from "../../../../../protocol/round/trial/standing.ts";
import { tallyOf, type Tally, type Vote } from "../../../../../protocol/round/trial/tally.ts";

const IMAGES = 50;

/** A student as somebody sees it: what it agrees on and what it follows, in shares. */
function seen(agreement: number, followed: number, images = IMAGES): Examination {
  const led = { moved: images, followed: Math.round(followed * images) };
  return {
    images,
    loss: 0.1,
    agreement,
    transfer: { class: 0, ...led },
    shortcuts: led,
    bends: { moved: 0, followed: 0 },
    copies: { looked: images, kept: Math.round((1 - followed) * images) },
  };
}

const LAST = seen(0.9, 0.04);

function votesOf(candidate: (voter: number) => Examination, voters = 10): Vote[] {
  return Array.from({ length: voters }, (_, i) => ({
    participant: `p-${i}`,
    party: `i-${i}`,
    comparison: { candidate: candidate(i), last: LAST },
  }));
}

const tally = (agreement: number, followed: number, voters = 10): Tally =>
  tallyOf(votesOf(() => seen(agreement, followed), voters));

const QUIET = tally(0.9, 0.04);

/** What chance decides: a share between −1 and 1 for every number. */
const noise = (seed: number): number => ((Math.sin(seed * 12.9898) * 43758.5453) % 1) * 0.02;

const partiesOf = (count: number): string[] => Array.from({ length: count }, (_, i) => `i-${i}`);

/** In another order every round. */
const drawn = (parties: readonly string[], round: number): string[] =>
  parties.toSorted(
    (a, b) => noise(round * 31 + Number(a.slice(2))) - noise(round * 31 + Number(b.slice(2))),
  );

interface World {
  readonly parties: readonly string[];
  readonly stampers: readonly string[];
  readonly f: number;
  /** What a student of stampers alone would follow more in a round. */
  readonly pull: number;
}

/** One round's trial to its end: how far a candidate follows is the mean of what is in it. */
function tryRound(
  { f, parties, pull, stampers }: World,
  round: number,
  level: number,
  before: readonly TriedRound[],
): { readonly step: NextStep; readonly tried: readonly TriedCandidate[]; readonly level: number } {
  const base = areLeftOut(standingsAt(before, round, f));
  const levels: number[] = [];
  const candidate = (leftOut: readonly string[]): TriedCandidate => {
    const there = parties.filter((party) => !leftOut.includes(party));
    const bad = there.filter((party) => stampers.includes(party)).length / there.length;
    // Honest ones take back what is too much.
    const reached = level + bad * pull - (1 - bad) * 0.5 * level;
    levels.push(reached);
    const followed = Math.min(1, Math.max(0, reached + noise(round * 17 + leftOut.length)));
    return { leftOut, tally: tallyOf(votesOf(() => seen(0.9, followed), parties.length)) };
  };
  const tried: [TriedCandidate, ...TriedCandidate[]] = [candidate(base)];
  const suspects = [...influencesOf(before)]
    .filter(([, { deviation, mean }]) => mean > Math.max(0.05, deviation))
    .map(([party]) => party)
    .slice(0, f);
  for (;;) {
    const step = nextStep({
      parties: drawn(parties, round),
      hostile: f,
      tried,
      fromTeacher: false,
      earlier: [QUIET],
      suspects,
    });
    if (step.kind !== "try") {
      return { step, tried, level: step.kind === "commit" ? levels[step.candidate]! : level };
    }
    tried.push(candidate(step.leftOut));
  }
}

function equationsOf(world: World, round: number, tried: readonly TriedCandidate[]): TriedRound {
  const equations = tried.map(({ leftOut, tally: one }) =>
    equationOf(
      world.parties.filter((party) => !leftOut.includes(party)),
      one!,
    ),
  );
  return { round, equations };
}

it("[K4] counts one who claims many images as many as the others have, so that chance stays what it is", () => {
  const claims = (images: number) =>
    tallyOf(votesOf((voter) => seen(0.9, 0.04, voter === 0 ? images : IMAGES), 5));
  expect(claims(1e6).agreement.images).toBe(claims(IMAGES).agreement.images);
  expect(claims(1e6).shortcuts?.images).toBe(claims(IMAGES).shortcuts?.images);
});

describe("what voters say together", () => {
  it("[K4] a minority moves a median only among what the others say", () => {
    const honest = votesOf(() => seen(0.9, 0.04));
    const liars = votesOf((i) => (i < 4 ? seen(0, 1) : seen(0.9, 0.04)));
    expect(tallyOf(liars).agreement).toEqual(tallyOf(honest).agreement);
    expect(tallyOf(liars).shortcuts?.candidate).toBeCloseTo(0.04);
  });

  it("[K4] says nothing of ways in which nobody's teacher is misled", () => {
    expect(QUIET.bends).toBeNull();
    expect(QUIET.shortcuts?.images).toBe(10 * IMAGES);
    expect(QUIET.merit.candidate).toBeCloseTo(0.86);
  });
});

describe("what speaks against a candidate", () => {
  it("[K5] nothing while it is about as good as the student before it", () => {
    expect(doubtsOf(tally(0.82, 0.12), [QUIET])).toEqual([]);
  });

  it("[K5] less agreement, fewer copies kept, more followed than the least of its leg", () => {
    expect(doubtsOf(tally(0.7, 0.04), [QUIET])).toEqual(["agreement"]);
    expect(doubtsOf(tally(0.9, 0.3), [QUIET])).toEqual(["copies", "transfer", "shortcuts"]);
    // Little by little: each is near the one before it, and not near the first.
    expect(doubtsOf(tally(0.9, 0.22), [QUIET, tally(0.9, 0.12), tally(0.9, 0.18)])).toEqual([
      "transfer",
      "shortcuts",
    ]);
  });

  it("[K5] nothing of what is followed before there is a trained student to compare with", () => {
    expect(doubtsOf(tally(0.9, 0.2), [])).toEqual([]);
    expect(doubtsOf(tally(0.9, 0.3), [tally(0.6, 0)])).toEqual(["copies"]);
  });
});

const BEFORE = { fromTeacher: false, earlier: [QUIET] };
const START = { parties: partiesOf(10), hostile: 2, ...BEFORE, suspects: [] };

/** What follows on the votes about a first candidate. */
const first = (one: Tally | null): NextStep =>
  nextStep({ ...START, tried: [{ leftOut: [], tally: one }] });

/** How a trial ends in which every candidate looks the same. */
function all(agreement: number, followed: number): NextStep {
  const tried: [TriedCandidate, ...TriedCandidate[]] = [
    { leftOut: [], tally: tally(agreement, followed) },
  ];
  for (;;) {
    const step = nextStep({ ...START, tried });
    if (step.kind !== "try") return step;
    tried.push({ leftOut: step.leftOut, tally: tally(agreement, followed) });
  }
}

describe("which candidate is tried, and which taken", () => {
  const world: World = { parties: partiesOf(10), stampers: [], f: 2, pull: 1 };

  it("[K6] takes the first where nothing speaks against it, or too few voted", () => {
    expect(first(QUIET)).toMatchObject({ kind: "commit", candidate: 0, reason: "good" });
    expect(first(null)).toMatchObject({ kind: "commit", candidate: 0, reason: "untried" });
  });

  it("[K5] takes what came of the first round of a student that began as its teacher", () => {
    const tried = [{ leftOut: [], tally: tally(0.1, 0.9) }] as const;
    const step = nextStep({ ...START, fromTeacher: true, earlier: [], tried: [...tried] as never });
    expect(step).toEqual({ kind: "commit", candidate: 0, reason: "good", doubts: [] });
  });

  it("[K6.1] [K6.2] tries at most ⌈log₂ n⌉ + 2 more, and f + 1 parties stay in each", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 24 }),
        fc.integer({ min: 0, max: 4 }),
        fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 12, maxLength: 12 }),
        (count, hostile, levels) => {
          const parties = partiesOf(count);
          const tried: [TriedCandidate, ...TriedCandidate[]] = [
            { leftOut: [], tally: tally(0.9, 0.9) },
          ];
          for (;;) {
            const step = nextStep({ parties, hostile, tried, ...BEFORE, suspects: ["i-3"] });
            if (step.kind !== "try") break;
            expect(parties.length - step.leftOut.length).toBeGreaterThan(hostile);
            const again = tried.some(({ leftOut }) => leftOut.join() === step.leftOut.join());
            expect(again).toBe(false);
            tried.push({ leftOut: step.leftOut, tally: tally(0.9, levels[tried.length]!) });
          }
          expect(tried.length - 1).toBeLessThanOrEqual(furtherCandidates(count));
        },
      ),
      { numRuns: 60 },
    );
  });

  it("[K6] finds the one that spoils it, and leaves out nobody else", () => {
    const { step, tried } = tryRound({ ...world, stampers: ["i-7"], f: 1, pull: 3 }, 1, 0.04, []);
    expect(step).toMatchObject({ kind: "commit", reason: "better-without" });
    expect(step.kind === "commit" && tried[step.candidate]!.leftOut).toEqual(["i-7"]);
  });

  it("[K6.3] leaves nobody out on f words, whatever a median says", () => {
    const accusers = votesOf((i) => (i < 2 ? seen(0.9, 0.02) : seen(0.9, 0.9)), 3);
    const tried = [
      { leftOut: [], tally: tally(0.9, 0.9, 3) },
      { leftOut: ["i-0"], tally: tallyOf(accusers) },
      { leftOut: ["i-1"], tally: tally(0.9, 0.9, 3) },
    ] as const;
    const parties = partiesOf(4);
    const step = nextStep({
      parties,
      hostile: 2,
      tried: [...tried] as never,
      fromTeacher: false,
      earlier: [QUIET],
      suspects: [],
    });
    expect(step).toMatchObject({ kind: "commit", candidate: 0, reason: "nobody-stands-out" });
  });

  it("[K6.4] [K6.5] takes the first where leaving out nobody helps, and none where all are lost", () => {
    expect(all(0.9, 0.5)).toMatchObject({ candidate: 0, reason: "nobody-stands-out" });
    expect(all(0.1, 0)).toEqual({ kind: "void", doubts: ["agreement"] });
  });
});

describe("who it was", () => {
  it.each([
    { f: 1, stampers: ["i-2"], count: 5 },
    { f: 2, stampers: ["i-3", "i-8"], count: 10 },
  ])(
    "K7, K8: names $stampers of $count by the sum of what rounds say, and nobody else",
    (given) => {
      const world: World = { ...given, parties: partiesOf(given.count), pull: 0.8 };
      const rounds: TriedRound[] = [];
      let level = 0.04;
      for (let round = 1; round < 16; round++) {
        const done = tryRound(world, round, level, rounds);
        ({ level } = done);
        if (done.tried.length > 1) rounds.push(equationsOf(world, round, done.tried));
      }
      const standings = standingsAt(rounds, 99, world.f);
      expect([...standings.keys()].toSorted()).toEqual(world.stampers);
      expect(level).toBeLessThan(0.3);
    },
  );

  it("[K8] two rounds have to say so, three rounds later it is heard again, and then never", () => {
    const parties = partiesOf(6);
    const spoilt = (round: number): TriedRound => ({
      round,
      equations: [
        equationOf(parties, tally(0.9, 0.3)),
        equationOf(["i-1", "i-2", "i-3", "i-4", "i-5"], tally(0.9, 0.04)),
        equationOf(["i-0", "i-1", "i-2"], tally(0.9, 0.5)),
      ],
    });
    const rounds = [2, 3, 9, 10].map(spoilt);
    const at = (count: number, round: number) =>
      standingsAt(rounds.slice(0, count), round, 1).get("i-0");
    expect(at(1, 3)).toEqual({ kind: "named", words: 1 });
    expect(at(2, 4)).toEqual({ kind: "quarantined", until: 7 });
    expect(at(2, 7)).toEqual({ kind: "good" });
    expect(at(3, 10)).toEqual({ kind: "named", words: 1 });
    expect(at(4, 99)).toEqual({ kind: "left-out" });
    expect(areLeftOut(standingsAt(rounds, 99, 1))).toEqual(["i-0"]);
  });

  it("[K7] names nobody where rounds say the same of all", () => {
    const parties = partiesOf(8);
    const halves = [parties, parties.slice(0, 4), parties.slice(4)];
    const rounds = [1, 2, 3].map((round) => ({
      round,
      equations: halves.map((half, i) => equationOf(half, tally(0.9, 0.3 + noise(round * 5 + i)))),
    }));
    expect(standingsAt(rounds, 9, 2).size).toBe(0);
  });
});
