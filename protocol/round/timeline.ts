import type { CampaignConfig } from "./campaign-config.ts";
import { measuredImages } from "./statistics-round.ts";

/** Settings that probes compare; the rest of a campaign is alike for all. */
export interface Candidate {
  /** Multiplies every re-initialisation ratio. */
  readonly strength: number;
}

/**
 * A part of a campaign that starts from a student₀ of its own and has schedules of its own: a probe
 * of one candidate, or the campaign proper. Its training rounds are followed by one judging round
 * where participants score what came of them (SPEC J3). Before them all there may be a statistics
 * round (SPEC B1), a leg by itself without student or training.
 */
export interface Leg {
  readonly kind: "statistics" | "probe" | "main";
  /** Among the campaign's candidates; undefined until the probes have decided. */
  readonly candidate: number | undefined;
  readonly firstRound: number;
  /** As planned: schedules run over these, also where the leg ends before its time. */
  readonly trainingRounds: number;
  /** Its last round; undefined in a campaign without judging rounds. */
  readonly judgingRound: number | undefined;
}

/** Measures, and trains nothing. */
const STATISTICS_LEG: Leg = {
  kind: "statistics",
  candidate: undefined,
  firstRound: 0,
  trainingRounds: 0,
  judgingRound: undefined,
};

/** What has been decided on the way, and how the campaign was planned. */
export interface Course {
  /** The candidate that the probes decided for. */
  readonly chosen?: number | undefined;
  /** The judging round of the main leg, where it came before its time (SPEC J6, J7). */
  readonly judgedEarly?: number | undefined;
  /** Planned before there were judging rounds: it ends with its last training round. */
  readonly unjudged?: boolean | undefined;
}

/** Where a round stands in its campaign. */
export interface Place {
  readonly leg: Leg;
  /** Within the leg. */
  readonly roundOfLeg: number;
  /** Scores only, no steps: the last round of a leg. */
  readonly judging: boolean;
  /** Of the leg's schedules (SPEC D2). */
  readonly startStep: number;
  readonly totalSteps: number;
}

/** What the campaign may start from: one candidate a probe, or just the one it was given. */
export function candidatesOf({ reinit, probes }: CampaignConfig): readonly Candidate[] {
  if (reinit.strength !== "auto") return [{ strength: reinit.strength }];
  return probes.strengths.map((strength) => ({ strength }));
}

/** Whether the leg's student₀ is its teacher: nothing is re-initialised, by ratios or as an outlier (SPEC I8). */
export function beginsAsTeacher(config: CampaignConfig, { candidate }: Leg): boolean {
  const { strategy } = config.reinit;
  if ("outliers" in strategy && strategy.outliers > 0) return false;
  return candidate !== undefined && candidatesOf(config)[candidate]!.strength === 0;
}

/**
 * The legs of a campaign, in order: a statistics round where one is needed, a probe for each
 * candidate where strength is `auto`, then the main one.
 */
export function legsOf(config: CampaignConfig, course: Course = {}): readonly Leg[] {
  const candidates = candidatesOf(config);
  const isAuto = config.reinit.strength === "auto";
  const length = config.probes.rounds + 1;
  const measuring = measuredImages(config) === 0 ? [] : [STATISTICS_LEG];
  const firstProbe = measuring.length;
  const probes = (isAuto ? candidates : []).map((_, candidate) => ({
    kind: "probe" as const,
    candidate,
    firstRound: firstProbe + candidate * length,
    trainingRounds: config.probes.rounds,
    judgingRound: firstProbe + candidate * length + config.probes.rounds,
  }));
  const firstRound = firstProbe + probes.length * length;
  const { rounds: trainingRounds } = config.distillation;
  const judgingRound = course.judgedEarly ?? firstRound + trainingRounds;
  const main = {
    kind: "main" as const,
    candidate: isAuto ? course.chosen : 0,
    firstRound,
    trainingRounds,
    judgingRound: course.unjudged === true ? undefined : judgingRound,
  };
  return [...measuring, ...probes, main];
}

/** Rounds of the whole campaign: statistics, probes and judging rounds included. */
export function roundCount(config: CampaignConfig, course: Course = {}): number {
  const { firstRound, judgingRound, trainingRounds } = legsOf(config, course).at(-1)!;
  return judgingRound === undefined ? firstRound + trainingRounds : judgingRound + 1;
}

/**
 * Where a round stands.
 *
 * @throws RangeError for a round that the campaign does not have.
 *
 * @example
 * const { startStep, totalSteps, judging } = placeOf(config, assignment.round);
 */
export function placeOf(config: CampaignConfig, round: number, course: Course = {}): Place {
  const leg = legsOf(config, course).findLast(({ firstRound }) => round >= firstRound);
  if (leg === undefined || !(round < roundCount(config, course))) {
    throw new RangeError(`round ${round} of a campaign of ${roundCount(config, course)}`);
  }
  const { localSteps } = config.distillation;
  const roundOfLeg = round - leg.firstRound;
  return {
    leg,
    roundOfLeg,
    judging: round === leg.judgingRound,
    startStep: roundOfLeg * localSteps,
    totalSteps: leg.trainingRounds * localSteps,
  };
}
