import { sumOf } from "../../aggregation/rule.ts";
import { robustMinimum } from "../../../protocol/round/campaign-config.ts";
import { FEWEST_HELD_OUT, imagesToScore } from "../../../protocol/round/evidence.ts";
import type { FailedGate } from "../../../protocol/round/gate.ts";
import { summariseScores } from "../../../protocol/round/score-summary.ts";
import { roundCount } from "../../../protocol/round/timeline.ts";
import type { OpenedTotals } from "../../../protocol/privacy/two-operators/sealed-seed-schema.ts";
import type { UpdateSize } from "../../../protocol/round/update-sizes.ts";
import type { TrialOutcome } from "../../../protocol/round/trial/trial-outcome.ts";
import type { CombinedSlice, Measurement } from "../../slice/slice-work.ts";
import { decisionsAfter } from "../rounds/decide.ts";
import { incomingStudent } from "../rounds/incoming-student.ts";
import { legOf } from "../rounds/leg.ts";
import { endFailed, voidAttempt } from "../rounds/transitions.ts";
import { noMoments, type StartRecord, type StudentRecord } from "../store/campaign-store.ts";
import { appendLink, inputsOf, linkRollback } from "../chain/append.ts";
import type { Ledger } from "../store/ledger.ts";
import type { AcceptedUpdate } from "../store/commit-store.ts";
import { combinationOf } from "./combination.ts";
import { passOf, type CombiningPlan } from "./combining-plan.ts";

/**
 * Moves the student on: new slices, chain, next round or the end, in one transaction. A student
 * that would hold values that are not finite makes the attempt void instead.
 */
export function commitRound(
  ledger: Ledger,
  plan: CombiningPlan,
  sizes: readonly UpdateSize[],
  results: ReadonlyMap<number, CombinedSlice>,
  now: number,
  { opened, trial }: { readonly trial?: TrialOutcome; readonly opened?: OpenedTotals } = {},
): void {
  const { campaign, attempt } = plan;
  if (opened === undefined) noteSizes(ledger, plan, sizes);
  const combined = campaign.slices.map(({ index }) => results.get(index)!);
  const broken = combined.findIndex(({ finite }) => !finite);
  if (broken >= 0) {
    const detail = `the combined update gives values in slice ${broken} that are not finite`;
    return voidAttempt(ledger, attempt, detail, now, {
      suspects: largestText(ledger.commits.accepted(attempt)),
      remedy: "if one of these stands out, remove that participant, then resume",
    });
  }
  const squares = campaign.slices
    .filter(({ section }) => section === "trainable")
    .map(({ index }) => results.get(index)!.squaredNorm);
  const peaks = combined.map(({ peakBytes }) => peakBytes);
  ledger.rounds.update(attempt, { updateNorm: Math.sqrt(sumOf(squares)) });
  ledger.campaign.update({ peakSliceBytes: Math.max(campaign.peakSliceBytes, ...peaks) });
  const outcome = {
    slices: combined.map(({ student }) => student),
    moments: combined.map(({ moments }) => moments),
    ...(trial !== undefined && { trial }),
    ...(opened !== undefined && { opened }),
  };
  // All that came, whatever of it is in the student.
  const updates = ledger.commits.accepted(attempt);
  // Of a sum nobody's own loss is known: what decisions read is its mean (SPEC M9.6).
  const told = opened === undefined ? updates : updates.map((one) => withLoss(one, opened.loss));
  closeRound(ledger, { ...plan, updates: told }, outcome, now);
}

/** Makes a candidate that was tried the student: all of it is stored. */
export function commitCandidate(
  ledger: Ledger,
  plan: CombiningPlan,
  trial: TrialOutcome,
  now: number,
): void {
  const stored = <T>(pass: string): Map<number, T> =>
    ledger.uploads.sliceResults<T>(plan.attempt, passOf(plan, pass));
  const { sizes } = combinationOf(plan, stored<Measurement>("measure"));
  commitRound(ledger, plan, sizes, stored<CombinedSlice>("combine"), now, { trial });
}

function withLoss(update: AcceptedUpdate, loss: number): AcceptedUpdate {
  return { ...update, loss };
}

function noteSizes(
  ledger: Ledger,
  { attempt, contributions }: CombiningPlan,
  sizes: readonly UpdateSize[],
): void {
  for (const [i, { updates }] of contributions.entries()) {
    for (const { participant } of updates) ledger.commits.measured(attempt, participant, sizes[i]!);
  }
}

/** Participants named where a round's values are not finite. */
const MOST_NAMED = 3;

function loudness({ norm, statisticsNorm }: UpdateSize): number {
  return Math.max(norm, statisticsNorm);
}

/** Who sent the largest updates, the largest first. */
function largestText(updates: readonly AcceptedUpdate[]): string {
  const named = updates
    .flatMap(({ participant, size }) => (size === null ? [] : [{ participant, size }]))
    .toSorted((a, b) => loudness(b.size) - loudness(a.size))
    .slice(0, MOST_NAMED)
    .map(
      ({ participant, size: { norm, statisticsNorm } }) =>
        `${participant} (norm ${norm.toPrecision(3)}, statistics ${statisticsNorm.toPrecision(3)})`,
    );
  return `the largest updates are of ${named.join(", ")}`;
}

/**
 * Ends a judging round: scores, chain and decisions; the student stays as it is (SPEC J3). A probe's
 * that too few could score is void: nothing is chosen by it.
 */
export function commitJudging(ledger: Ledger, plan: CombiningPlan, now: number): void {
  const { attempt, campaign, place, updates } = plan;
  const scorers = updates.filter(({ scores }) => scores !== null).length;
  const fewest = robustMinimum(campaign.config.round);
  if (place.leg.kind === "probe" && scorers < fewest) {
    const detail =
      `${scorers} of ${updates.length} participants could score the probe's student, and a choice takes ${fewest}: each needs at least ` +
      `${imagesToScore(campaign.config.judging)} images to hold ${FEWEST_HELD_OUT} of them out, and the backend webgpu or wasm`;
    return voidAttempt(ledger, attempt, detail, now);
  }
  closeRound(ledger, plan, incomingStudent(ledger, attempt.round), now);
}

/** Ends a statistics round: what came of it, and every candidate's student₀ (SPEC B6). */
export function commitStatistics(
  ledger: Ledger,
  plan: CombiningPlan,
  { statistics, starts }: { readonly statistics: string; readonly starts: readonly StartRecord[] },
  now: number,
): void {
  const { slices } = plan.campaign;
  ledger.campaign.measured(statistics, starts);
  const outcome = { slices: starts[0]!.initialStudent, moments: noMoments(slices), statistics };
  closeRound(ledger, plan, outcome, now);
}

interface Outcome extends Pick<StudentRecord, "slices" | "moments"> {
  /** Of a statistics round: digest of what was pooled, from which the rest follows. */
  readonly statistics?: string;
  /** How it was tried, where it was. */
  readonly trial?: TrialOutcome;
  /** What its sum said beside its values, where the round was private. */
  readonly opened?: OpenedTotals;
}

/** The student that a campaign that failed goes back to, if there is one. */
function goodStudent(ledger: Ledger, { fellBackTo }: FailedGate): Outcome | undefined {
  if (fellBackTo === null) return undefined;
  const { slices, moments } = ledger.campaign.committedStudent(fellBackTo);
  return { slices, moments };
}

/** Links the outcome into the chain, decides what follows, and opens the next round or ends. */
function closeRound(
  ledger: Ledger,
  { campaign, attempt, chosen, place, updates, work }: CombiningPlan,
  { opened, statistics, trial, ...combined }: Outcome,
  now: number,
): void {
  const { round } = attempt;
  const scores = summariseScores(updates);
  const decisions = decisionsAfter(ledger, campaign, round, scores);
  const failure = decisions.gate?.verdict === "failed" ? decisions.gate : undefined;
  const student = failure === undefined ? combined : (goodStudent(ledger, failure) ?? combined);
  appendLink(ledger, {
    kind: "committed",
    round,
    attempt: attempt.attempt,
    leg: legOf(campaign, round),
    judging: place.judging,
    ...(statistics === undefined && { student: [...incomingStudent(ledger, round).slices] }),
    inputs: inputsOf(updates),
    ...(statistics === undefined ? { outputs: [...student.slices] } : { outputs: [], statistics }),
    ...(work === "combine" && { rule: chosen.kind }),
    ...(trial !== undefined && { trial }),
    ...(opened !== undefined && { opened }),
    decisions,
  });
  ledger.campaign.addStudent({ ...student, round: round + 1 });
  ledger.rounds.update(attempt, {
    state: "committed",
    endedAt: now,
    detail: null,
    scores,
    ...(opened !== undefined && { opened }),
  });
  ledger.campaign.decide(decisions);
  if (failure !== undefined) linkRollback(ledger, failure);
  else if (campaign.decisions.alarm === null && decisions.alarm !== null) {
    linkRollback(ledger, { ...decisions.alarm, reason: "regrowth" });
  }
  ledger.campaign.update({ committed: round + 1, voidsInRow: 0, sweepAt: now });
  ledger.announce({ type: "round-committed", round, updates: updates.length });
  if (failure !== undefined) endFailed(ledger, failure);
  else if (round + 1 < roundCount(campaign.config, ledger.campaign.read().course)) {
    ledger.rounds.open({ round: round + 1, attempt: 0 }, now);
    ledger.announce({ type: "round-opened", round: round + 1, attempt: 0 });
  } else {
    ledger.campaign.update({ state: "finished" });
    ledger.announce({ type: "campaign-state", state: "finished" });
  }
}
