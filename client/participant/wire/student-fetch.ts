import { concurrently } from "../../../protocol/concurrently.ts";
import type { Assignment } from "../../../protocol/round/assignment.ts";
import type { BlobCache } from "./blob-cache.ts";
import { fetchBlob, type BlobFetchOptions } from "./blob-fetch.ts";
import { stateFromSlices } from "./state-slices.ts";
import { campaignRefusal, type VerifiedCampaign } from "../verify-campaign.ts";

/**
 * The round's student from its slices; those that are cached are not fetched again, and blobs of
 * earlier rounds are dropped from the cache. That of a leg's first round is recomputed here.
 *
 * @param onBytes told the bytes of each piece as it comes in.
 * @throws ParticipantError `campaign-not-verified` when a leg begins with another student than its
 *   candidate's student₀ (SPEC I1, J4).
 */
export async function fetchStudent(
  assignment: Assignment,
  campaign: VerifiedCampaign,
  options: BlobFetchOptions & { readonly onBytes: (bytes: number) => void },
): Promise<Float32Array<ArrayBuffer>> {
  await retainStudents([assignment.student], campaign, options.cache);
  if (assignment.leg.roundOfLeg === 0) await recomputeStart(assignment, campaign, options.cache);
  return await fetchSlices(assignment.student, campaign, options);
}

/** Drops all students' blobs from the cache but those of these. */
export async function retainStudents(
  students: readonly (readonly string[])[],
  { view }: VerifiedCampaign,
  cache: BlobCache,
): Promise<void> {
  const lasting = [view.model.digest, ...(view.statistics === null ? [] : [view.statistics])];
  await cache.retain(new Set([...lasting, ...students.flat()]));
}

/** A student from its slices; those that are cached are not fetched again. */
export async function fetchSlices(
  student: readonly string[],
  { layout }: VerifiedCampaign,
  options: BlobFetchOptions & { readonly onBytes: (bytes: number) => void },
): Promise<Float32Array<ArrayBuffer>> {
  const slices = await concurrently(layout.slices, ({ index, length }) =>
    fetchBlob(
      {
        digest: student[index] ?? "",
        bytes: length * 4,
        what: `slice ${index} of the student`,
        onBytes: options.onBytes,
      },
      options,
    ),
  );
  return stateFromSlices(layout, slices);
}

async function recomputeStart(
  { leg, round, student }: Assignment,
  { initialSlices, view }: VerifiedCampaign,
  cache: BlobCache,
): Promise<void> {
  const { candidate, kind } = leg;
  const start = view.starts[candidate];
  const same =
    start?.initialStudent.length === student.length &&
    start.initialStudent.every((digest, index) => digest === student[index]);
  if (!same) {
    throw campaignRefusal(
      `round ${round} opens a ${kind} leg of candidate ${candidate} with another student than that candidate starts from`,
    );
  }
  for (const [digest, bytes] of initialSlices(candidate)) await cache.put(digest, bytes);
}
