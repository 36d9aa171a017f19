import { sha256 } from "../../protocol/digest.ts";
import type { Graph } from "../../protocol/model/graph.ts";
import { float32Values } from "../../protocol/floats.ts";
import { importModel } from "../../protocol/formats/import-model.ts";
import { otherReadings, type Reading } from "../../protocol/model/readings.ts";
import type { StateLayout } from "../../protocol/model/state-layout.ts";
import { channelScores, type ChannelScores } from "../../protocol/reinit/channel-scores.ts";
import { identityNorms, putIdentityNorms } from "../../protocol/reinit/identity-norms.ts";
import { reinitMask } from "../../protocol/reinit/mask.ts";
import {
  parseSeed,
  reinitialise,
  reinitPlan,
  type ReinitPlan,
} from "../../protocol/reinit/reinitialise.ts";
import type { CampaignView } from "../../protocol/round/access.ts";
import { measuredImages } from "../../protocol/round/statistics-round.ts";
import { candidatesOf } from "../../protocol/round/timeline.ts";
import { ParticipantError } from "./participant-error.ts";
import { sliceBytes } from "./wire/state-slices.ts";

/** A campaign whose starting points were recomputed here and found as the coordinator says. */
export interface VerifiedCampaign {
  readonly view: CampaignView;
  readonly graph: Graph;
  readonly layout: StateLayout;
  /** The teacher's state vector. */
  readonly teacher: Float32Array<ArrayBuffer>;
  /** What the teacher's tensors may be besides. */
  readonly readings: readonly Reading[];
  /**
   * A candidate's student₀, recomputed, by the digests of its slices: a leg's first round needs no
   * download.
   *
   * @throws RangeError for a candidate that the campaign does not have.
   */
  readonly initialSlices: (candidate: number) => ReadonlyMap<string, Uint8Array<ArrayBuffer>>;
}

/**
 * Recomputes slices, masks and each candidate's student₀ from the teacher's file, the seed and the
 * strategy, and compares them with what the coordinator says (SPEC I1). A participant distils
 * nothing before.
 *
 * Where pooled statistics decide and are not there yet (SPEC B6), there are no starts to compare.
 *
 * @param file the teacher's file, its digest already checked
 * @param statistics the pooled statistics, their digest already checked; undefined while the campaign
 *   names none
 * @throws ParticipantError `campaign-not-verified`, naming the first thing that differs.
 * @throws ProtocolError when the file is not a model, or the strategy does not fit it.
 */
export async function verifyCampaign(
  view: CampaignView,
  file: Uint8Array,
  statistics?: Uint8Array,
): Promise<VerifiedCampaign> {
  const { config, model, starts } = view;
  if (config.model !== model.digest) {
    throw campaignRefusal("the configuration names another teacher than the one handed out");
  }
  const imported = await importModel(file, config.network);
  const { graph, layout, state: teacher } = imported;
  const sliceLengths = layout.slices.map(({ length }) => length);
  if (!sameList(sliceLengths, view.sliceLengths)) {
    throw campaignRefusal("it cuts the state vector into other slices than the teacher gives");
  }
  if (config.reinit.seed === undefined) throw campaignRefusal("it does not tell the seed");
  const seed = parseSeed(config.reinit.seed);
  const { strategy } = config.reinit;
  const isMeasured = measuredImages(config) > 0;
  if (!isMeasured && statistics !== undefined) {
    throw campaignRefusal("it names statistics that its configuration does not ask for");
  }
  const isPending = isMeasured && statistics === undefined;
  let scores: ChannelScores | undefined;
  let kept = teacher;
  if (!isPending) {
    const pooled = statistics && statisticsOf(statistics, layout);
    scores = channelScores(strategy, graph, layout, teacher, pooled);
    if (config.network.standInNorms === true) {
      kept = teacher.slice();
      putIdentityNorms(kept, layout, identityNorms(graph, layout, pooled!), 0);
    }
  }
  const planOf = (strength: number): ReinitPlan => reinitPlan(graph, strategy, strength, scores);
  const slicesOf = (strength: number): Uint8Array<ArrayBuffer>[] => {
    const student = reinitialise(kept, layout, planOf(strength), seed);
    return layout.slices.map((slice) => sliceBytes(student, slice));
  };
  const strengths = isPending ? [] : candidatesOf(config).map(({ strength }) => strength);
  const told = starts.map(({ strength }) => strength);
  if (!sameList(strengths, told)) {
    throw campaignRefusal(
      `it starts from strengths ${told.join(", ")}, its configuration from ${strengths.join(", ")}`,
    );
  }
  for (const { strength, maskDigest, initialStudent } of starts) {
    if (sha256(reinitMask(layout, planOf(strength), seed)) !== maskDigest) {
      throw campaignRefusal(
        `its re-initialisation mask at strength ${strength} is not the one that seed and strategy give`,
      );
    }
    if (initialStudent.length !== layout.slices.length) {
      throw campaignRefusal(
        `its first student at strength ${strength} has another number of slices than the teacher`,
      );
    }
    for (const [index, bytes] of slicesOf(strength).entries()) {
      if (sha256(bytes) === initialStudent[index]) continue;
      throw campaignRefusal(
        `slice ${index} of its first student at strength ${strength} is not what teacher, seed and strategy give`,
      );
    }
  }
  return {
    view,
    graph,
    layout,
    teacher,
    readings: otherReadings(imported.file.tensors, imported),
    initialSlices: (candidate) => {
      const start = starts[candidate];
      if (start === undefined) throw new RangeError(`candidate ${candidate} of ${starts.length}`);
      const slices = slicesOf(start.strength);
      return new Map(slices.map((bytes, index) => [start.initialStudent[index]!, bytes]));
    },
  };
}

/** The statistics section that a blob holds. */
function statisticsOf(bytes: Uint8Array, layout: StateLayout): Float32Array {
  const length = layout.length - layout.trainableLength;
  if (bytes.length !== 4 * length) {
    throw campaignRefusal(`its pooled statistics have ${bytes.length} bytes, not ${4 * length}`);
  }
  return float32Values(bytes);
}

/** The coordinator contradicts itself or the teacher's file. */
export function campaignRefusal(what: string): ParticipantError {
  return new ParticipantError(
    "campaign-not-verified",
    `the coordinator's campaign does not hold together: ${what}. No step is taken from it. Tell whoever invited you`,
  );
}

function sameList(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((value, index) => value === b[index]);
}
