import { canonicalJson } from "../../../protocol/canonical-json.ts";
import { ProtocolError } from "../../../protocol/errors.ts";
import type { StateLayout } from "../../../protocol/model/state-layout.ts";
import { checkStatistics, checkStatisticsUpdate } from "../../../protocol/reinit/statistics.ts";
import type { CommitRequest } from "../../../protocol/round/assignment.ts";
import type { CampaignConfig } from "../../../protocol/round/campaign-config.ts";
import { LEAST_STATISTICS_IMAGES } from "../../../protocol/reinit/strategy-schema.ts";
import { measuredImages } from "../../../protocol/round/statistics-round.ts";
import { float32View } from "../../../protocol/floats.ts";
import { readBlob } from "../../blobs/blob-store.ts";
import { readState } from "../../../protocol/formats/import-model.ts";
import { openModel, type ModelReference, type ModelSource } from "../../blobs/model-source.ts";
import { requireField } from "./check-commit.ts";

/** Most bytes of statistics that are held at once while they are pooled. */
const MOST_POOLED_BYTES = 2 ** 23;

/**
 * Refuses a campaign whose statistics round could not be held (SPEC B1).
 *
 * @throws ProtocolError `malformed-request`.
 */
export function requirePoolable(
  { round }: CampaignConfig,
  { length, trainableLength }: StateLayout,
): void {
  const bytes = 4 * (length - trainableLength);
  if (bytes === 0) {
    throw new ProtocolError(
      "malformed-request",
      "the strategy 'bn-divergence' compares statistics of batch norms, and the model has none: choose another strategy, such as 'layerwise'",
    );
  }
  const most = Math.floor(MOST_POOLED_BYTES / bytes);
  if (round.goal <= most) return;
  throw new ProtocolError(
    "malformed-request",
    `a statistics round pools the statistics of a round's ${round.goal} participants at once, which for this model it can for at most ${most}: set round.goal to at most ${most}, or do without one: by another strategy than 'bn-divergence', and network.standInNorms false`,
  );
}

/** What a frame of running statistics is held against (SPEC B4, U8). */
export interface StatisticsBounds {
  /** The teacher. */
  readonly model: ModelReference;
  /** Digest of this slice of the student that an update is of; null in a statistics round. */
  readonly student: string | null;
}

/**
 * Checks values of a statistics slice against the teacher: statistics as they were measured (SPEC B4),
 * or what an update makes of the student's (SPEC U8).
 *
 * @throws ProtocolError `malformed-update`, naming tensor and channel.
 */
export async function checkStatisticsSlice(
  bucket: R2Bucket,
  { model, student }: StatisticsBounds,
  index: number,
  values: Float32Array,
): Promise<void> {
  const { graph, layout, section } = await teacherStatistics(bucket, model);
  const offset = layout.slices[index]!.offset - layout.trainableLength;
  if (student === null) return checkStatistics(graph, layout, section, values, offset);
  const before = float32View(await readBlob(bucket, student, 4 * values.length));
  checkStatisticsUpdate(graph, layout, section, before, values, offset);
}

interface TeacherStatistics extends Pick<ModelSource, "graph" | "layout"> {
  /** Its statistics section. */
  readonly section: Float32Array;
}

/** Teachers whose statistics are kept at hand: they lie scattered over the file. */
const MOST_KEPT = 4;

/** By reference, so that nothing in it can be out of date; the one used last is last. */
const kept = new Map<string, TeacherStatistics>();

async function teacherStatistics(
  bucket: R2Bucket,
  model: ModelReference,
): Promise<TeacherStatistics> {
  const key = canonicalJson(model);
  const known = kept.get(key) ?? (await readStatistics(bucket, model));
  kept.delete(key);
  kept.set(key, known);
  if (kept.size > MOST_KEPT) kept.delete(kept.keys().next().value!);
  return known;
}

async function readStatistics(bucket: R2Bucket, model: ModelReference): Promise<TeacherStatistics> {
  const source = await openModel(bucket, model);
  const { graph, layout } = source;
  const { trainableLength, length } = layout;
  const section = await readState(source, trainableLength, length - trainableLength);
  return { graph, layout, section };
}

/** Whether a commit says that its participant has too few images to measure (SPEC B3). */
export function declines({ examples, slices }: CommitRequest): boolean {
  return examples === 0 && slices.length === 0;
}

/**
 * Checks what a statistics round's commit holds beside its slices (SPEC B2, B3).
 *
 * @throws ProtocolError `malformed-request`, naming the field.
 */
export function checkStatisticsCommit(request: CommitRequest, config: CampaignConfig): void {
  const { agreement, examples, loss, scores } = request;
  requireField(scores === null, "scores", "must be null in a statistics round");
  requireField(loss === 0, "loss", "must be 0 in a statistics round");
  requireField(agreement === 0, "agreement", "must be 0 in a statistics round");
  if (declines(request)) return;
  const most = measuredImages(config);
  const enough = examples >= LEAST_STATISTICS_IMAGES && examples <= most;
  requireField(
    enough,
    "examples",
    `are ${examples}, a statistics round takes ${LEAST_STATISTICS_IMAGES} to ${most} images, or 0 and no slices from who has fewer`,
  );
}
