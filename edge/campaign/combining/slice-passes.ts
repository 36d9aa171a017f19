import { partiesOf } from "../../aggregation/parties.ts";
import { serverRate } from "../../aggregation/server-rate.ts";
import { sliceCodec } from "../../../protocol/update/update-codec.ts";
import { teacherOf } from "../../blobs/model-source.ts";
import { updateKey } from "../../blobs/update-objects.ts";
import type { CombineWork, LastStep, MeasureWork, SliceShape } from "../../slice/slice-work.ts";
import { incomingStudent } from "../rounds/incoming-student.ts";
import type { Ledger } from "../store/ledger.ts";
import type { RoundCombination } from "../../aggregation/combination.ts";
import type { CombiningPlan } from "./combining-plan.ts";

/** Pass 1 over one slice. */
export function measureWork(ledger: Ledger, plan: CombiningPlan, slice: SliceShape): MeasureWork {
  const { campaign, attempt, chosen, contributions } = plan;
  const { config, slices } = campaign;
  const student = incomingStudent(ledger, attempt.round);
  const ofStatistics = {
    model: teacherOf(config),
    student: slices
      .filter(({ section }) => section === "statistics")
      .map(({ index }) => student.slices[index]!),
    bounded: chosen.rule.boundsStatistics,
    parties: chosen.rule.needsGram
      ? partiesOf(config.aggregation.rule, contributions)
      : contributions.flatMap(({ weight }, i) => (weight > 0 ? [[i]] : [])),
  };
  return {
    slice,
    codec: sliceCodec(config.codec, slice.section),
    contributions: contributions.map(({ updates, weight }) => ({
      weight,
      frames: updates.map(({ participant, slices: digests }) => {
        const digest = digests[slice.index]!;
        return { key: updateKey(campaign.id, attempt, participant, slice.index, digest), digest };
      }),
    })),
    ...(slice.section === "statistics"
      ? { statistics: ofStatistics }
      : { products: chosen.rule.needsGram, ...lastStepOf(ledger, plan, slice) }),
  };
}

/** Where the rule starts at the student's last step and there is one in this leg (SPEC O7.4). */
function lastStepOf(
  ledger: Ledger,
  { attempt: { round }, chosen, place }: CombiningPlan,
  { index }: SliceShape,
): { readonly lastStep?: LastStep } {
  if (chosen.kind !== "centred-clipping" || place.roundOfLeg === 0) return {};
  // What it came by was given up.
  if (ledger.campaign.rolledBackTo(round) !== undefined) return {};
  const before = incomingStudent(ledger, round - 1).slices[index]!;
  return { lastStep: { before, after: incomingStudent(ledger, round).slices[index]! } };
}

/** Pass 2 over one slice. */
export function combineWork(
  ledger: Ledger,
  plan: CombiningPlan,
  measured: Pick<RoundCombination, "trainable" | "statistics">,
  slice: SliceShape,
): CombineWork {
  const { campaign, attempt, place } = plan;
  const student = incomingStudent(ledger, attempt.round);
  return {
    ...measureWork(ledger, plan, slice),
    combination: measured[slice.section],
    seed: plan.seed,
    student: student.slices[slice.index]!,
    moments: student.moments[slice.index]!,
    optimizer: campaign.config.aggregation.server,
    rate: serverRate(campaign.config, place),
    ...(slice.section === "trainable" && lineStepOf(ledger, plan, slice)),
  };
}

/** In the round after the one after which it was decided, unless it goes back to another student (SPEC O10). */
function lineStepOf(
  ledger: Ledger,
  { attempt: { round }, campaign: { decisions }, place: { leg } }: CombiningPlan,
  { index }: SliceShape,
): Pick<CombineWork, "lineStep"> {
  const step = decisions.overshoot ?? decisions.pullBack;
  if (step?.round !== round - 1) return {};
  if (ledger.campaign.rolledBackTo(round) !== undefined) return {};
  const from = incomingStudent(ledger, leg.firstRound).slices[index]!;
  return { lineStep: { from, factor: step.factor } };
}
