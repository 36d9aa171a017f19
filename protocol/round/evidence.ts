import { robustMinimum, type CampaignConfig } from "./campaign-config.ts";
import { LEAST_STATISTICS_IMAGES } from "../reinit/strategy-schema.ts";
import { regrowthRule, type Judging } from "./judging.ts";
import { isEnded, type CampaignState } from "./states.ts";
import { statisticsImages } from "./statistics-round.ts";
import { legsOf, type Course } from "./timeline.ts";

/** Fewer held-out images say too little to be worth withholding them from training (SPEC J1). */
export const FEWEST_HELD_OUT = 4;

/**
 * How many of its images a participant holds out (SPEC J1).
 *
 * @param images that it has
 */
export function heldOutCount(
  images: number,
  { heldOut: share, images: most }: Pick<Judging, "heldOut" | "images">,
): number {
  const held = Math.min(most, Math.floor(share * images));
  return held < FEWEST_HELD_OUT ? 0 : held;
}

/** Fewest images of which a participant holds any out; infinite where nobody does. */
export function imagesToScore(judging: Pick<Judging, "heldOut" | "images">): number {
  const about = Math.ceil(FEWEST_HELD_OUT / judging.heldOut);
  // Rounding may put the product just below a whole number.
  return heldOutCount(about, judging) > 0 ? about : about + 1;
}

/**
 * What a participant is to know who has too few images to score students; undefined where it has
 * enough (SPEC J1).
 *
 * @example
 * participantGap(12, config.judging); // "with 12 images you train, but score nothing: 40 would do"
 */
export function participantGap(
  images: number,
  judging: Pick<Judging, "heldOut" | "images">,
): string | undefined {
  const needed = imagesToScore(judging);
  if (images >= needed || !Number.isFinite(needed)) return undefined;
  return `with ${counted(images, "image")} you train, but score nothing: ${needed} would do`;
}

/**
 * Fewest images of which a participant's statistics are measured in the round with which the campaign
 * begins (SPEC B3); 0 where there is no such round, or it is done.
 *
 * @param pooled digest of the pooled statistics, once they are there
 */
export function imagesToBegin(
  config: Pick<CampaignConfig, "judging" | "network" | "reinit">,
  pooled: string | null,
): number {
  return statisticsImages(config, pooled) === 0 ? 0 : fewestMeasured(config.judging);
}

function fewestMeasured(judging: Pick<Judging, "heldOut" | "images">): number {
  let images = LEAST_STATISTICS_IMAGES;
  while (images - heldOutCount(images, judging) < LEAST_STATISTICS_IMAGES) images++;
  return images;
}

/**
 * What a participant is to know who has too few images to be measured while a campaign waits for that;
 * undefined where it has enough, or nothing is waited for (SPEC B3).
 *
 * @example
 * measuringGap(12, config, null); // "the campaign begins with statistics of images, and with 12 …"
 */
export function measuringGap(
  images: number,
  config: Pick<CampaignConfig, "judging" | "network" | "reinit">,
  pooled: string | null,
): string | undefined {
  const needed = imagesToBegin(config, pooled);
  if (images >= needed) return undefined;
  return `the campaign begins with statistics of participants' images, and with ${counted(images, "image")} you measure none: ${needed} would do; you wait until others have`;
}

/** How a statistics round goes. */
export interface MeasuringSoFar {
  /** Participants whose statistics came. */
  readonly measured: number;
  /** Those who said that they have too few images. */
  readonly declined: number;
}

/** What there is to judge a campaign by. */
export interface EvidenceSoFar {
  readonly config: CampaignConfig;
  readonly state: CampaignState;
  readonly course: Course;
  /** Places in a round of participants there are or can still be (R2); null while nobody was invited. */
  readonly places: number | null;
  /** How many scored each committed round of the main leg, in order. */
  readonly scored: readonly { readonly round: number; readonly participants: number }[];
  /** Of the statistics round that is open; undefined where none is. */
  readonly measuring?: MeasuringSoFar | undefined;
}

/**
 * What is missing for a campaign's result to be judged by anything: participants, images or rounds
 * (SPEC J6, J10), or statistics with which it begins (B2). Said before it starts, as it goes on, and of what came of it.
 *
 * @returns a clause, without a full stop; undefined where there is enough to go by.
 */
export function evidenceGap(evidence: EvidenceSoFar): string | undefined {
  const { config, course, state } = evidence;
  if (course.unjudged === true) {
    return "nothing judges this campaign's result: it was made before students were scored";
  }
  const gaps = isEnded(state) ? gapsAtTheEnd(evidence) : gapsSoFar(evidence);
  const { goal } = config.round;
  if (gaps.length === 0 && goal < 3) {
    const whose = goal === 1 ? "one participant says" : "two participants say";
    gaps.push(
      `what ${whose} is all that judges this campaign: of three, none could mislead it alone`,
    );
  }
  return gaps.length === 0 ? undefined : gaps.join("; ");
}

function gapsSoFar(evidence: EvidenceSoFar): string[] {
  const { config, course, measuring, places, scored, state } = evidence;
  const needed = robustMinimum(config.round);
  const { trainingRounds } = mainLeg({ config, course });
  const { window } = regrowthRule(config.judging);
  const gaps: string[] = [];
  if (measuring !== undefined) gaps.push(waitsForStatistics(config, measuring));
  if (places !== null && places < needed) {
    gaps.push(
      `invites have places for ${counted(places, "participant")} in a round, and nothing is judged by fewer than ${needed}`,
    );
  }
  // The first round's student was not trained.
  if (trainingRounds - 1 < window) {
    gaps.push(
      `${counted(trainingRounds, "round")} of training ${trainingRounds === 1 ? "is" : "are"} too few for the regrowth alarm, which takes ${window + 1}`,
    );
  }
  const last = scored.at(-1);
  if (state !== "ready" && last !== undefined && lookedAt(scored, needed).length === 0) {
    gaps.push(
      `no evidence so far: ${scoring(last.participants)}, ${needed} are needed${whoCan(config)}`,
    );
  }
  return gaps;
}

function waitsForStatistics(
  config: CampaignConfig,
  { declined, measured }: MeasuringSoFar,
): string {
  const { goal } = config.round;
  const waits = `it waits for statistics of participants' images, with which it begins: ${measured} of ${counted(goal, "participant")} measured so far`;
  if (declined === 0) return waits;
  const without =
    config.network.standInNorms === true
      ? "one made anew without norms that stand in (--no-norms) does not wait"
      : "one made anew with another strategy does not wait";
  return `${waits}, and ${counted(declined, "participant")} ${declined === 1 ? "has" : "have"} too few: ${fewestMeasured(config.judging)} images or more each are needed. Invite others who have them; ${without}`;
}

function gapsAtTheEnd({ config, course, scored, state }: EvidenceSoFar): string[] {
  const needed = robustMinimum(config.round);
  const { firstRound, judgingRound } = mainLeg({ config, course });
  const trained = scored.filter(({ round }) => round !== judgingRound);
  const looked = lookedAt(trained, needed).filter(({ round }) => round > firstRound);
  const most = Math.max(0, ...scored.map(({ participants }) => participants));
  const final = scored.find(({ round }) => round === judgingRound)?.participants ?? 0;
  const isJudged = final >= needed;
  if (!isJudged && looked.length === 0) {
    return [
      `nothing judged this result: ${most === 0 ? "nobody" : `at most ${counted(most, "participant")}`} scored a round, ${needed} are needed${whoCan(config)}`,
    ];
  }
  if (!isJudged && state === "finished") {
    return [
      `the last student was not judged: ${final === 0 ? "nobody" : counted(final, "participant")} scored it, ${needed} are needed; what is known is of students before it`,
    ];
  }
  const { window } = regrowthRule(config.judging);
  if (looked.length >= window) return [];
  return [
    `the regrowth alarm had ${counted(looked.length, "round")} to look at and takes ${window}: it could not have been raised`,
  ];
}

function mainLeg({ config, course }: Pick<EvidenceSoFar, "config" | "course">) {
  return legsOf(config, course).at(-1)!;
}

function lookedAt(scored: EvidenceSoFar["scored"], needed: number): EvidenceSoFar["scored"] {
  return scored.filter(({ participants }) => participants >= needed);
}

function whoCan({ judging }: CampaignConfig): string {
  return `, each with ${imagesToScore(judging)} images or more and the backend webgpu or wasm`;
}

function scoring(participants: number): string {
  return participants === 0
    ? "nobody scores"
    : `${counted(participants, "participant")} ${participants === 1 ? "scores" : "score"}`;
}

function counted(count: number, one: string): string {
  return `${count} ${count === 1 ? one : `${one}s`}`;
}
