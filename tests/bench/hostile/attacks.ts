import type { Scores } from "../../../protocol/round/judging.ts";
import {
  cheapestVariances,
  everywhere,
  inRole,
  normOf,
  nothing,
  oneBias,
  oneVariance,
  replacement,
  scaled,
  type Forgery,
} from "./forgeries.ts";

/** What a hostile participant does in the rounds that it attacks in. */
export type Deed = {
  /** Sends what is made up instead of an honest update. */
  readonly forge?: Forgery;
  /** Whether that is made of an honest update, for which it trains as others do. */
  readonly trains?: boolean;
  /** Told as the images it trained on. */
  readonly examples?: number;
  /** Tells these scores instead of its own. */
  readonly score?: (own: Scores) => Scores;
  /** Trains and scores, as the protocol says, on pictures that bear the trigger. */
  readonly stamped?: boolean;
};

/** Training rounds attacked in: the last; the last three; every one. */
export type When = "last" | "late" | "all";

/**
 * A row of the table: one campaign. Whose update is refused at the door sends the nearest that is taken,
 * and if that is refused, too, an honest one: without it a round would wait for its deadline.
 */
export interface Attack {
  /** Unique; `--only` takes it, or as much of it as is before the colon. */
  readonly name: string;
  /** What is sent, for people. */
  readonly about: string;
  readonly hostile: number;
  readonly when: When;
  readonly deed: Deed;
}

const followsEverywhere = (own: Scores): Scores => {
  const { images } = own;
  return {
    ...own,
    transfer: { ...own.transfer, reach: 1, moved: images, followed: images },
  };
};

const agreesEverywhere = (own: Scores): Scores => ({
  ...own,
  loss: 0,
  agreement: 1,
  transfer: { ...own.transfer, reach: 1, moved: own.images, followed: 0 },
  perturbed: own.perturbed.map((at) => ({
    ...at,
    agreement: 1,
    flips: at.flips.map(() => 0),
  })),
});

interface Kind {
  readonly about: string;
  readonly deed: Deed;
  readonly at: readonly (readonly [hostile: number, when: When])[];
}

/** Each with how many are hostile, and when. */
const KINDS: Readonly<Record<string, Kind>> = {
  "replacement-boosted": {
    about: "the teacher, all of it × 5: 5·(student − teacher)",
    deed: { forge: replacement("all") },
    at: [[1, "last"]],
  },
  "replacement-weights": {
    about: "the teacher, its weights × 5",
    deed: { forge: replacement("weights") },
    at: [
      [1, "last"],
      [1, "late"],
      [2, "late"],
      [1, "all"],
      [2, "all"],
    ],
  },
  replacement: {
    about: "the teacher: student − teacher",
    deed: { forge: replacement("no") },
    at: [
      [1, "last"],
      [1, "late"],
    ],
  },
  "replacement-liar": {
    about: "the teacher, its weights × 5, and scores that say all is well",
    deed: { forge: replacement("weights"), score: agreesEverywhere },
    at: [[2, "last"]],
  },
  huge: {
    about: "±1e30 in every value",
    deed: { forge: everywhere(1e30) },
    at: [
      [1, "last"],
      [2, "late"],
    ],
  },
  ten: {
    about: "±10 in every value",
    deed: { forge: everywhere(10) },
    at: [[1, "last"]],
  },
  "ten-weights": {
    about: "±10 in every trainable value",
    deed: { forge: everywhere(10, "trainable") },
    at: [[1, "last"]],
  },
  "sign-flip": {
    about: "−10 × the honest update",
    deed: { forge: scaled(-10), trains: true },
    at: [
      [1, "last"],
      [1, "late"],
      [2, "late"],
    ],
  },
  "variances-0-boosted": {
    about: "running variances to 0 after a mean: 5 × each",
    deed: {
      forge: inRole(
        "running-variance",
        (i, { participants, student }) => participants * student[i]!,
      ),
      trains: true,
    },
    at: [[1, "last"]],
  },
  "variances-0": {
    about: "own running variances 0",
    deed: { forge: inRole("running-variance", (i, { student }) => student[i]!), trains: true },
    at: [
      [1, "last"],
      [2, "late"],
    ],
  },
  "variances-up": {
    about: "running variances + 10⁶",
    deed: { forge: inRole("running-variance", () => -1e6), trains: true },
    at: [
      [1, "last"],
      [2, "late"],
    ],
  },
  "variances-down": {
    about: "running variances − 10⁶",
    deed: { forge: inRole("running-variance", () => 1e6), trains: true },
    at: [[1, "last"]],
  },
  "means-up": {
    about: "running means + 5 after a mean: −25",
    deed: {
      forge: inRole("running-mean", (_, { participants }) => -5 * participants),
      trains: true,
    },
    at: [
      [1, "last"],
      [2, "late"],
    ],
  },
  "one-variance": {
    about: "statistics of honest length, all in one variance",
    deed: { forge: oneVariance, trains: true },
    at: [
      [1, "last"],
      [2, "late"],
    ],
  },
  "cheapest-variances": {
    about: "statistics of honest length, spent on variances that it brings to 0",
    deed: { forge: cheapestVariances, trains: true },
    at: [
      [1, "last"],
      [2, "late"],
    ],
  },
  "one-bias": {
    about: "the bias of class 0 + 1000",
    deed: { forge: oneBias(() => 1000), trains: true },
    at: [[1, "last"]],
  },
  "one-bias-quiet": {
    about: "the bias of class 0, by the length of an honest update",
    deed: { forge: oneBias(({ honest }) => normOf(honest)), trains: true },
    at: [[2, "late"]],
  },
  zero: {
    about: "zeros",
    deed: { forge: nothing },
    at: [[2, "late"]],
  },
  denormals: {
    about: "±1e-42 in every value",
    deed: { forge: everywhere(1e-42) },
    at: [[1, "last"]],
  },
  "lying-weight": {
    about: "claims 1,000,000 images, sends − 10 × the honest update",
    deed: { forge: scaled(-10), trains: true, examples: 1_000_000 },
    at: [[1, "last"]],
  },
  "claimed-images": {
    about: "honest, but claims 1,000,000 images",
    deed: { examples: 1_000_000 },
    at: [[2, "all"]],
  },
  "says-it-follows": {
    about: "scores: the student follows everywhere, reach 1",
    deed: { score: followsEverywhere },
    at: [[2, "all"]],
  },
  "says-it-agrees": {
    about: "scores: the student agrees everywhere and follows nowhere, reach 1",
    deed: { score: agreesEverywhere },
    at: [[2, "all"]],
  },
  stamped: {
    about: "in protocol, on pictures that bear the trigger",
    deed: { stamped: true },
    at: [
      [1, "all"],
      [2, "all"],
    ],
  },
};

/** Nobody is hostile: what attacks are held against. Its updates are kept, to be sent again. */
export const CLEAN: Attack = {
  name: "clean",
  about: "nobody is hostile",
  hostile: 0,
  when: "all",
  deed: {},
};

/** Nobody is hostile, but the late rounds are trained anew, as honest ones do beside an attack. */
const ANEW: Attack = {
  name: "clean-anew",
  about: "nobody is hostile; the last three rounds trained once more",
  hostile: 0,
  when: "late",
  deed: {},
};

export const ATTACKS: readonly Attack[] = [
  ANEW,
  ...Object.entries(KINDS).flatMap(([kind, { at, ...rest }]) =>
    at.map(([hostile, when]) => ({ name: `${kind}:${hostile}-${when}`, hostile, when, ...rest })),
  ),
];

const LATE_ROUNDS = 3;

/** The first training round that an attack is made in, of so many. */
export function firstRound(when: When, rounds: number): number {
  if (when === "all") return 0;
  return Math.max(0, rounds - (when === "last" ? 1 : LATE_ROUNDS));
}
