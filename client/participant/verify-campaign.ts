import { sha256 } from "../../protocol/digest.ts";
import type { Graph } from "../../protocol/model/graph.ts";
import { importModel } from "../../protocol/model/model-import.ts";
import type { StateLayout } from "../../protocol/model/state-layout.ts";
import { channelScores } from "../../protocol/reinit/channel-scores.ts";
import { reinitMask } from "../../protocol/reinit/mask.ts";
import { parseSeed, reinitialise, reinitPlan } from "../../protocol/reinit/reinitialise.ts";
import type { CampaignView } from "../../protocol/round/access.ts";
import { ParticipantError } from "./participant-error.ts";
import { sliceBytes } from "./state-slices.ts";

/** A campaign whose starting point was recomputed here and found as the coordinator says. */
export interface VerifiedCampaign {
  readonly view: CampaignView;
  readonly graph: Graph;
  readonly layout: StateLayout;
  /** The teacher's state vector. */
  readonly teacher: Float32Array<ArrayBuffer>;
  /** student₀, by the digests of its slices: round 0 needs no download. */
  readonly initialSlices: ReadonlyMap<string, Uint8Array<ArrayBuffer>>;
}

/**
 * Recomputes slices, mask and student₀ from the teacher's file, the seed and the strategy, and
 * compares them with what the coordinator says (SPEC I1). A participant distils nothing before.
 *
 * @param file the teacher's file, its digest already checked
 * @throws ParticipantError `campaign-not-verified`, naming the first thing that differs.
 * @throws ProtocolError when the file is not a model, or the strategy does not fit it.
 */
export function verifyCampaign(view: CampaignView, file: Uint8Array): VerifiedCampaign {
  const { config, model } = view;
  if (config.model !== model.digest) {
    throw refusal("the configuration names another teacher than the one handed out");
  }
  const { graph, layout, state: teacher } = importModel(file);
  const sliceLengths = layout.slices.map(({ length }) => length);
  if (!sameList(sliceLengths, view.sliceLengths)) {
    throw refusal("it cuts the state vector into other slices than the teacher gives");
  }
  if (config.reinit.seed === undefined) throw refusal("it does not tell the seed");
  const seed = parseSeed(config.reinit.seed);
  const { strategy, strength } = config.reinit;
  const scores = channelScores(strategy, graph, layout, teacher);
  const plan = reinitPlan(graph, strategy, strength, scores);
  if (sha256(reinitMask(layout, plan, seed)) !== view.maskDigest) {
    throw refusal("its re-initialisation mask is not the one that seed and strategy give");
  }
  const student = reinitialise(teacher, layout, plan, seed);
  const initialSlices = new Map<string, Uint8Array<ArrayBuffer>>();
  if (view.initialStudent.length !== layout.slices.length) {
    throw refusal("its first student has another number of slices than the teacher");
  }
  for (const slice of layout.slices) {
    const bytes = sliceBytes(student, slice);
    const digest = sha256(bytes);
    if (digest !== view.initialStudent[slice.index]) {
      throw refusal(
        `slice ${slice.index} of its first student is not what teacher, seed and strategy give`,
      );
    }
    initialSlices.set(digest, bytes);
  }
  return { view, graph, layout, teacher, initialSlices };
}

function refusal(what: string): ParticipantError {
  return new ParticipantError(
    "campaign-not-verified",
    `the coordinator's campaign does not hold together: ${what}. No step was taken. Tell whoever invited you`,
  );
}

function sameList(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((value, index) => value === b[index]);
}
