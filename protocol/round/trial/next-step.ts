import { collapses, doubtsOf, type Doubt } from "./doubts.ts";
import type { Tally } from "./tally.ts";

/** A candidate as it was tried. */
export interface TriedCandidate {
  /** Parties whose updates are not in it. */
  readonly leftOut: readonly string[];
  /** null where too few had voted by its deadline. */
  readonly tally: Tally | null;
}

/** How far the trial of a round's candidates has come. */
export interface TrialOfRound {
  /** Whose updates came, in the order drawn for this round. */
  readonly parties: readonly string[];
  /** f: of them that many may be hostile. */
  readonly hostile: number;
  /** The first, of all who are in good standing, and what was tried since. */
  readonly tried: readonly [TriedCandidate, ...TriedCandidate[]];
  /** Whether the student before is the teacher itself, which nothing that is trained agrees with as much. */
  readonly fromTeacher: boolean;
  /** Of what the leg's rounds before committed. */
  readonly earlier: readonly Tally[];
  /** Parties that rounds before speak against, the worst first. */
  readonly suspects: readonly string[];
}

/** Why a candidate is committed. */
type Reason =
  /** Nothing speaks against it. */
  | "good"
  /** Too few voted: nobody knows. */
  | "untried"
  /** Without those it leaves out the student is better, or would have been lost. */
  | "better-without"
  /** Something speaks against it, and leaving out nobody helps. */
  | "nobody-stands-out";

export type NextStep =
  | { readonly kind: "try"; readonly leftOut: readonly string[] }
  | {
      readonly kind: "commit";
      readonly candidate: number;
      readonly reason: Reason;
      readonly doubts: readonly Doubt[];
    }
  /** Every candidate is lost: the student stays as it is. */
  | { readonly kind: "void"; readonly doubts: readonly Doubt[] };

/** Merit that a candidate must have above the first for one voter to say that it is better. */
const WORD = 0.02;

/** Merit that one which is doubtful itself must have above the first. */
const MUCH = 0.1;

/** Candidates that are tried beside the first, at most (SPEC K6.1). */
export function furtherCandidates(parties: number): number {
  return Math.ceil(Math.log2(Math.max(1, parties))) + 2;
}

/**
 * What follows on the votes about a candidate (SPEC K5, K6): it becomes the student, or another is tried that
 * leaves some out, by halves, or the best of those that were tried is taken. A pure function of what the
 * chain holds.
 *
 * @example
 * const step = nextStep({ parties, hostile: 1, tried: [{ leftOut: [], tally }], fromTeacher: false, earlier, suspects: [] });
 */
export function nextStep(trial: TrialOfRound): NextStep {
  const { earlier, fromTeacher, tried } = trial;
  const [first] = tried;
  if (first.tally === null) return { kind: "commit", candidate: 0, reason: "untried", doubts: [] };
  const doubts = fromTeacher ? [] : doubtsOf(first.tally, earlier);
  if (doubts.length === 0) return { kind: "commit", candidate: 0, reason: "good", doubts };
  const leftOut = toLeaveOut(trial, first.tally);
  if (leftOut !== undefined) return { kind: "try", leftOut: [...first.leftOut, ...leftOut] };
  return chosenOf(trial, first.tally, doubts);
}

/** Whom the next candidate leaves out besides; undefined where nothing more is to be tried. */
function toLeaveOut(trial: TrialOfRound, first: Tally): readonly string[] | undefined {
  const { earlier, hostile, parties, suspects, tried } = trial;
  const base = tried[0].leftOut;
  const there = parties.filter((party) => !base.includes(party));
  // As many words as are needed to leave out anybody must be able to stay.
  const most = there.length - (hostile + 1);
  if (most < 1 || tried.at(-1)!.tally === null) return undefined;
  if (tried.length > furtherCandidates(there.length)) return undefined;
  const tallyWithout = (left: readonly string[]): Tally | undefined =>
    tried.find(({ leftOut }) => sameParties(leftOut, [...base, ...left]))?.tally ?? undefined;
  const gain = (left: readonly string[]): number =>
    (tallyWithout(left) ?? first).merit.candidate - first.merit.candidate;
  const stands = (left: readonly string[]): boolean => {
    const tally = tallyWithout(left);
    return tally !== undefined && doubtsOf(tally, earlier).length === 0;
  };

  const known = suspects.filter((party) => there.includes(party)).slice(0, most);
  if (known.length > 0) {
    if (tallyWithout(known) === undefined) return known;
    if (stands(known)) return undefined;
  }
  let suspected: readonly string[] = there;
  while (suspected.length > 1) {
    const half = suspected.slice(0, Math.min(Math.ceil(suspected.length / 2), most));
    if (tallyWithout(half) === undefined) return half;
    const others = suspected.slice(half.length);
    if (suspected === there) {
      if (others.length <= most && tallyWithout(others) === undefined) return others;
      const isOther = others.length <= most ? gain(others) > gain(half) : !stands(half);
      suspected = isOther ? others : half;
    } else {
      suspected = 2 * gain(half) >= gain(suspected) && gain(half) > 0 ? half : others;
    }
    if (suspected.length <= hostile && stands(suspected)) return undefined;
  }
  return tallyWithout(suspected) === undefined ? suspected : undefined;
}

/** Of the candidates tried, the one to take. */
function chosenOf(
  { earlier, hostile, tried }: TrialOfRound,
  first: Tally,
  doubts: readonly Doubt[],
): NextStep {
  const better = tried.flatMap(({ leftOut, tally }, candidate) => {
    if (candidate === 0 || tally === null || wordsFor(tally, first) <= hostile) return [];
    const gain = tally.merit.candidate - first.merit.candidate;
    const stands = doubtsOf(tally, earlier).length === 0;
    return gain > 0 && !collapses(tally) ? [{ candidate, leftOut, gain, stands }] : [];
  });
  const standing = better
    .filter(({ stands }) => stands)
    .sort((a, b) => a.leftOut.length - b.leftOut.length || b.gain - a.gain);
  const improved = better.filter(({ gain }) => gain >= MUCH).sort((a, b) => b.gain - a.gain);
  const best = standing[0] ?? improved[0];
  if (best !== undefined) {
    return { kind: "commit", candidate: best.candidate, reason: "better-without", doubts };
  }
  if (collapses(first)) return { kind: "void", doubts };
  return { kind: "commit", candidate: 0, reason: "nobody-stands-out", doubts };
}

/** Parties with a voter who finds a candidate better than the first; nobody has two words (SPEC K6.3). */
function wordsFor(tally: Tally, first: Tally): number {
  const before = new Map(first.said.map(({ merit, participant }) => [participant, merit]));
  const parties = tally.said.flatMap(({ merit, participant, party }) => {
    const earlier = before.get(participant);
    return earlier !== undefined && merit > earlier + WORD ? [party] : [];
  });
  return new Set(parties).size;
}

function sameParties(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((party) => b.includes(party));
}
