import {
  hideUpdate,
  type UpdateToHide,
} from "../../protocol/privacy/two-operators/hidden-update.ts";
import type { Sealer } from "../../protocol/privacy/two-operators/sealed-seed.ts";
import {
  statisticsSection,
  trainableSection,
} from "../../protocol/privacy/vector/update-vector.ts";
import { sha256, type Digest } from "../../protocol/digest.ts";
import { deviationUnits } from "../../protocol/reinit/statistics.ts";
import type { Assignment } from "../../protocol/round/assignment.ts";
import { cohortOf, privateRoundOf } from "../../protocol/round/private-rounds.ts";
import type { Privacy } from "../../protocol/round/privacy.ts";
import type { LocalResult } from "./local-trainer.ts";
import type { VerifiedCampaign } from "./verify-campaign.ts";
import type { PendingUpdate, UpdateReport } from "./wire/upload.ts";

/** How a participant takes part in sums that hide. */
export interface Hiding {
  readonly privacy: Privacy;
  /** Of the configuration as the coordinator told it (SPEC M9.2). */
  readonly told: Digest;
  readonly sealer: Sealer;
}

/**
 * An update as masked words, one object a slice, and the commit that closes it (SPEC M9.3): of loss,
 * agreement and images nothing is told but in the sum; of scores not where answers went (M9.7).
 *
 * @param student the round's, by which running statistics are scaled
 * @throws ProtocolError `malformed-update` for a value that is not finite.
 */
export async function hiddenUpdate(
  { attempt, round, student: slices }: Assignment,
  student: Float32Array,
  trained: Pick<LocalResult, "agreement" | "loss" | "update">,
  report: Pick<UpdateReport, "backend" | "scores" | "seconds">,
  { privacy, sealer, told: configuration }: Hiding,
  { graph, layout, view }: VerifiedCampaign,
  randomBytes: (length: number) => Uint8Array,
): Promise<PendingUpdate> {
  const cohort = cohortOf(view.config);
  const { trainableLength } = layout;
  const units = deviationUnits(graph, layout, student.subarray(trainableLength));
  const toHide: UpdateToHide = {
    ...trained,
    trainableLength,
    clipNorm: privacy.clipNorm,
    cohort,
    slices: layout.slices.map((slice) => {
      const begin = slice.offset - trainableLength;
      const wire =
        slice.section === "trainable"
          ? trainableSection(layout, slice, privacy.clipNorm, cohort)
          : statisticsSection(units.subarray(begin, begin + slice.length), cohort);
      return { ...slice, wire };
    }),
  };
  const told = privateRoundOf(view, privacy, configuration, round, slices);
  const { frames, hidden } = await hideUpdate(toHide, told, sealer, randomBytes);
  const request = {
    ...report,
    scores: withoutFlips(report.scores),
    slices: frames.map((frame) => sha256(frame)),
    hidden,
    examples: 0,
    loss: 0,
    agreement: 0,
  };
  return { round, attempt, kind: "update", firstSlice: 0, frames, request };
}

/**
 * Scores as a private campaign takes them: how many answers left, not where they went (SPEC M9.7). The one
 * class that small perturbations lead the teacher to stays: reports and the gate count who found it.
 */
export function withoutFlips(scores: UpdateReport["scores"]): UpdateReport["scores"] {
  if (scores === null) return null;
  return { ...scores, perturbed: scores.perturbed.map((one) => ({ ...one, flips: [] })) };
}
