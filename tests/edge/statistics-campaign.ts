import { expect } from "vitest";
import { sha256 } from "../../protocol/digest.ts";
import { importModel } from "../../protocol/formats/import-model.ts";
import { channelScores } from "../../protocol/reinit/channel-scores.ts";
import { reinitMask } from "../../protocol/reinit/mask.ts";
import { parseSeed, reinitialise, reinitPlan } from "../../protocol/reinit/reinitialise.ts";
import { poolStatistics } from "../../protocol/reinit/statistics.ts";
import type { CampaignView } from "../../protocol/round/access.ts";
import type { CommitReply, StatisticsAssignment } from "../../protocol/round/assignment.ts";
import type { CampaignConfigInput } from "../../protocol/round/campaign-config.ts";
import { encodeFrame } from "../../protocol/update/frame.ts";
import { encodeFloats } from "../../protocol/formats/float-encodings.ts";
import { ask, runningCampaign, SEED, type Volunteer } from "./coordinator.ts";
import { tinyModel } from "./tiny-model.ts";

export const model = tinyModel({ width: 2, seed: 5 });
const { graph, layout, state } = await importModel(model.bytes);
export { layout };
export const { trainableLength } = layout;
const teacher = state.subarray(trainableLength);
export const slice = layout.slices.find(({ section }) => section === "statistics");
export const MEASURING: Partial<CampaignConfigInput> = {
  reinit: { strategy: { kind: "bn-divergence", outliers: 1, images: 64 }, strength: 2, seed: SEED },
  distillation: { rounds: 1 },
  round: { goal: 3 },
};

/** What a participant might measure: near the teacher, each with images of its own. */
export function measuredBy(rank: number): Float32Array<ArrayBuffer> {
  return teacher.map((value, i) => value * (1 + rank / 10) + ((i * (rank + 3)) % 11) / 20);
}

export const frameOf = (values: Float32Array, sliceIndex = slice!.index) =>
  encodeFrame({ codec: "f32", sliceIndex, values, random: () => 0 });

export async function assigned(volunteer: Volunteer): Promise<StatisticsAssignment> {
  const reply = await volunteer.checkIn();
  if (reply.kind !== "statistics") throw new Error(`got ${JSON.stringify(reply)}`);
  return reply;
}

export const COMMIT = { examples: 64, loss: 0, agreement: 0 };

/** Check-in, upload and commit of statistics. */
export async function measure(
  volunteer: Volunteer,
  values: Float32Array,
  disturb: () => Promise<void> = async () => undefined,
): Promise<CommitReply> {
  const at = await assigned(volunteer);
  await disturb();
  expect(await assigned(volunteer)).toEqual(at);
  const frame = frameOf(values);
  await (await volunteer.putFrame(at, slice!.index, frame)).body?.cancel();
  await disturb();
  const first = await (await volunteer.sendCommit(at, [sha256(frame)], COMMIT)).json<CommitReply>();
  await disturb();
  const again = await volunteer.sendCommit(at, [sha256(frame)], COMMIT);
  expect(await again.json()).toEqual(first);
  return first;
}

/** Statistics of all are in; no alarm runs ahead. */
export async function readyToPool(changes: Partial<CampaignConfigInput> = {}): Promise<string> {
  const round = { goal: 4, minimum: 3 };
  const { id, volunteers } = await runningCampaign(3, { ...MEASURING, ...changes, round }, model);
  for (const [rank, volunteer] of volunteers.entries()) await measure(volunteer, measuredBy(rank));
  return id;
}

/** What anybody computes from what participants sent. */
export function expected(strength: number, sections = [0, 1, 2].map(measuredBy)) {
  const pooled = poolStatistics(graph, layout, sections);
  const strategy = {
    kind: "bn-divergence",
    granularity: "weight",
    outliers: 1,
    images: 64,
  } as const;
  const scores = channelScores(strategy, graph, layout, state, pooled);
  const plan = reinitPlan(graph, strategy, strength, scores);
  const student = reinitialise(state, layout, plan, parseSeed(SEED));
  return {
    statistics: sha256(encodeFloats("F32", pooled)),
    start: {
      strength,
      maskDigest: sha256(reinitMask(layout, plan, parseSeed(SEED))),
      initialStudent: layout.slices.map(({ offset, length }) =>
        sha256(encodeFloats("F32", student.subarray(offset, offset + length))),
      ),
    },
  };
}

export const viewOf = (volunteer: Volunteer) =>
  ask<CampaignView>("/api/v1/campaign", { token: volunteer.credential });
