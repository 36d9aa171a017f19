import { combiningRule } from "../../aggregation/configured-rule.ts";
import { sumOf } from "../../aggregation/rule.ts";
import { serverRate } from "../../aggregation/server-rate.ts";
import { sliceCodec } from "../../../protocol/update/update-codec.ts";
import type { UpdateSize } from "../../../protocol/round/update-sizes.ts";
import { teacherOf } from "../../blobs/model-source.ts";
import { updateKey } from "../../blobs/update-objects.ts";
import type { CombineWork, MeasureWork, SliceShape } from "../../slice/slice-work.ts";
import { incomingStudent } from "../rounds/incoming-student.ts";
import type { Ledger } from "../store/ledger.ts";
import type { CombiningPlan } from "./combining-plan.ts";

/** Pass 1 over one slice. */
export function measureWork(ledger: Ledger, plan: CombiningPlan, slice: SliceShape): MeasureWork {
  const { campaign, attempt, contributions } = plan;
  const { config, slices } = campaign;
  const student = incomingStudent(ledger, attempt.round);
  const ofStatistics = {
    model: teacherOf(config),
    student: slices
      .filter(({ section }) => section === "statistics")
      .map(({ index }) => student.slices[index]!),
    bounded: combiningRule(config.aggregation.rule).boundsStatistics,
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
    ...(slice.section === "statistics" && { statistics: ofStatistics }),
  };
}

/** Pass 2 over one slice. */
export function combineWork(
  ledger: Ledger,
  plan: CombiningPlan,
  sizes: readonly UpdateSize[],
  slice: SliceShape,
): CombineWork {
  const { campaign, attempt, place, contributions } = plan;
  const student = incomingStudent(ledger, attempt.round);
  const isStatistics = slice.section === "statistics";
  return {
    ...measureWork(ledger, plan, slice),
    factors: contributions.map(({ weight }, i) => {
      const { factor, statisticsFactor } = sizes[i]!;
      return weight * (isStatistics ? statisticsFactor : factor);
    }),
    divisor: sumOf(contributions.map(({ weight }) => weight)),
    student: student.slices[slice.index]!,
    moments: student.moments[slice.index]!,
    optimizer: campaign.config.aggregation.server,
    rate: serverRate(campaign.config, place),
  };
}
