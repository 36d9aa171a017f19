import { serverRate } from "../aggregation/server-rate.ts";
import { combiningRule } from "../aggregation/configured-rule.ts";
import type { Combination } from "../aggregation/rule.ts";
import { sumOf } from "../aggregation/mean.ts";
import { sliceCodec } from "../../protocol/round/campaign-config.ts";
import { updateKey, type AttemptId } from "../blobs/update-objects.ts";
import type {
  CombinedSlice,
  CombineWork,
  Measurement,
  MeasureWork,
  SliceShape,
} from "../slice/slice-work.ts";
import { canonicalJson } from "./canonical-json.ts";
import { chainDigest, configurationDigest, type ChainLink } from "./chain.ts";
import type { CampaignRecord } from "./campaign-store.ts";
import type { Ledger } from "./ledger.ts";
import type { AcceptedUpdate, AttemptRecord } from "./round-store.ts";
import { voidAttempt } from "./transitions.ts";

/** What an attempt combines, fixed from the moment it stopped collecting. */
export interface CombiningPlan {
  readonly campaign: CampaignRecord;
  readonly attempt: AttemptRecord;
  /** In canonical order. */
  readonly updates: readonly AcceptedUpdate[];
}

/** The plan of the attempt at hand, if it is combining in a running campaign. */
export function combiningPlan(ledger: Ledger): CombiningPlan | undefined {
  const campaign = ledger.campaign.read();
  const attempt = ledger.rounds.current();
  if (campaign.state !== "running" || attempt?.state !== "combining") return undefined;
  return { campaign, attempt, updates: ledger.rounds.acceptedUpdates(attempt) };
}

/** Whether `id` is still what combines: false after a pause, an abort, or another's commit. */
export function stillCombines(ledger: Ledger, id: AttemptId): boolean {
  const attempt = combiningPlan(ledger)?.attempt;
  return attempt?.round === id.round && attempt.attempt === id.attempt;
}

/** Pass 1 over one slice. */
export function measureWork(plan: CombiningPlan, slice: SliceShape): MeasureWork {
  const { campaign, attempt, updates } = plan;
  return {
    slice,
    codec: sliceCodec(campaign.config.codec, slice.section),
    frames: updates.map(({ participant, slices }) => {
      const digest = slices[slice.index]!;
      return { key: updateKey(campaign.id, attempt, participant, slice.index, digest), digest };
    }),
  };
}

/** Slices that pass 1 must measure before factors can be given. */
export function slicesToMeasure(plan: CombiningPlan): readonly SliceShape[] {
  const { config, slices } = plan.campaign;
  const { measures } = combiningRule(config.aggregation.rule);
  return measures === "nothing" ? [] : slices.filter(({ section }) => section === "trainable");
}

/** Factors of the updates, from the sums of what pass 1 measured. */
export function combinationOf(
  plan: CombiningPlan,
  measured: ReadonlyMap<number, Measurement>,
): Combination {
  const { campaign, updates } = plan;
  const rule = combiningRule(campaign.config.aggregation.rule);
  const weights = updates.map(({ weight }) => weight);
  if (rule.measures === "nothing") return rule.combination({ weights });
  // Ascending by slice: the order of a sum decides its last bits.
  const bySlice = slicesToMeasure(plan).map(({ index }) => measured.get(index)!.squaredNorms);
  const squaredNorms = updates.map((_, i) => sumOf(bySlice.map((norms) => norms[i]!)));
  return rule.combination({ weights, squaredNorms });
}

/** Pass 2 over one slice. */
export function combineWork(
  ledger: Ledger,
  plan: CombiningPlan,
  combination: Combination,
  slice: SliceShape,
): CombineWork {
  const { campaign, attempt } = plan;
  const student = ledger.campaign.currentStudent(campaign.committed);
  return {
    ...measureWork(plan, slice),
    factors: combination[slice.section],
    divisor: combination.divisor,
    student: student.slices[slice.index]!,
    moments: student.moments[slice.index]!,
    optimizer: campaign.config.aggregation.server,
    rate: serverRate(campaign.config, attempt.round),
  };
}

/**
 * Moves the student on: new slices, chain, next round or the end, in one transaction. A student
 * that would hold values that are not finite makes the attempt void instead.
 */
export function commitRound(
  ledger: Ledger,
  plan: CombiningPlan,
  results: ReadonlyMap<number, CombinedSlice>,
  now: number,
): void {
  const { campaign, attempt, updates } = plan;
  const { round } = attempt;
  const combined = campaign.slices.map(({ index }) => results.get(index)!);
  const broken = combined.findIndex(({ finite }) => !finite);
  if (broken >= 0) {
    const detail = `the combined update gives values in slice ${broken} that are not finite`;
    return voidAttempt(ledger, attempt, detail, now);
  }
  const link: ChainLink = {
    previous: ledger.campaign.currentStudent(round).chain,
    round,
    attempt: attempt.attempt,
    configuration: configurationDigest(campaign.config),
    inputs: updates.map(({ participant, weight, slices }) => ({
      participant,
      weight,
      slices: [...slices],
    })),
    outputs: combined.map(({ student }) => student),
  };
  ledger.campaign.addStudent({
    round: round + 1,
    slices: link.outputs,
    moments: combined.map(({ moments }) => moments),
    link: canonicalJson(link),
    chain: chainDigest(link),
  });
  const squares = campaign.slices
    .filter(({ section }) => section === "trainable")
    .map(({ index }) => results.get(index)!.squaredNorm);
  ledger.rounds.update(attempt, {
    state: "committed",
    endedAt: now,
    detail: null,
    updateNorm: Math.sqrt(sumOf(squares)),
  });
  const peaks = combined.map(({ peakBytes }) => peakBytes);
  ledger.campaign.update({
    committed: round + 1,
    voidsInRow: 0,
    sweepAt: now,
    peakSliceBytes: Math.max(campaign.peakSliceBytes, ...peaks),
  });
  ledger.announce({ type: "round-committed", round, updates: updates.length });
  if (round + 1 < campaign.config.distillation.rounds) {
    ledger.rounds.open({ round: round + 1, attempt: 0 }, now);
    ledger.announce({ type: "round-opened", round: round + 1, attempt: 0 });
  } else {
    ledger.campaign.update({ state: "finished" });
    ledger.announce({ type: "campaign-state", state: "finished" });
  }
}
