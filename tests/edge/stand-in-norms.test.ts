import { reset } from "cloudflare:test";
import { afterEach, describe, expect, it } from "vitest";
import { sha256 } from "../../protocol/digest.ts";
import { importModel, restoreModel } from "../../protocol/formats/import-model.ts";
import { encodeFloats } from "../../protocol/formats/float-encodings.ts";
import { identityNorms, putIdentityNorms } from "../../protocol/reinit/identity-norms.ts";
import { reinitMask } from "../../protocol/reinit/mask.ts";
import { parseSeed, reinitialise, reinitPlan } from "../../protocol/reinit/reinitialise.ts";
import { poolStatistics } from "../../protocol/reinit/statistics.ts";
import type { StatisticsAssignment } from "../../protocol/round/assignment.ts";
import type { CampaignConfigInput } from "../../protocol/round/campaign-config.ts";
import { encodeFrame } from "../../protocol/update/frame.ts";
import { floats, model as written, node } from "../fixtures/onnx/write-onnx.ts";
import {
  ADMIN,
  committed,
  config,
  createCampaign,
  expectProblem,
  report,
  runningCampaign,
  SEED,
  send,
  studentOf,
  until,
  uploadModel,
  type Volunteer,
} from "./coordinator.ts";
import { tinyModel, type TinyModel } from "./tiny-model.ts";
import { updateOf } from "./what-is-sent.ts";

afterEach(() => reset());

/** As an exporter writes a network whose norms it folded: an ordinary and a depthwise convolution. */
const bytes = written({
  nodes: [
    node("Conv", ["x", "w1", "b1"], "c1", { pads: [1, 1, 1, 1] }),
    node("Relu", ["c1"], "r1"),
    node("Conv", ["r1", "w2", "b2"], "c2", { pads: [1, 1, 1, 1], strides: [2, 2], group: 4 }),
    node("Relu", ["c2"], "r2"),
    node("GlobalAveragePool", ["r2"], "p"),
    node("Flatten", ["p"], "f"),
    node("Gemm", ["f", "h", "b"], "y", { transB: 1 }),
  ],
  tensors: [
    floats("w1", [4, 3, 3, 3]),
    floats("b1", [4], 3),
    floats("w2", [4, 1, 3, 3], 5),
    floats("b2", [4], 7),
    floats("h", [4, 4], 9),
    floats("b", [4], 11),
  ],
});
const plain = await importModel(bytes);
const model: TinyModel = { graph: plain.graph, bytes, digest: sha256(bytes) };
const standing = await importModel(bytes, { standInNorms: true });
const { graph, layout, state } = standing;
const statistics = layout.slices.find(({ section }) => section === "statistics")!;
const REINIT = { seed: SEED, strategy: { kind: "layerwise" }, strength: 2 } as const;

/** What a participant measures, each with images of its own. */
function measuredBy(rank: number): Float32Array<ArrayBuffer> {
  const values = new Float32Array(statistics.length);
  for (const { offset, role, size } of layout.entries) {
    const first = offset - layout.trainableLength;
    for (let i = Math.max(0, first); i < first + size; i++) {
      values[i] = role === "running-mean" ? Math.sin(i) + rank / 10 : 0.5 + (i % 3) + rank / 20;
    }
  }
  return values;
}

const frameOf = (values: Float32Array) =>
  encodeFrame({ codec: "f32", sliceIndex: statistics.index, values, random: () => 0 });

async function assigned(volunteer: Volunteer): Promise<StatisticsAssignment> {
  const reply = await volunteer.checkIn();
  if (reply.kind !== "statistics") throw new Error(`got ${JSON.stringify(reply)}`);
  return reply;
}

async function measure(volunteer: Volunteer, values: Float32Array): Promise<void> {
  const at = await assigned(volunteer);
  const frame = frameOf(values);
  await (await volunteer.putFrame(at, statistics.index, frame)).body?.cancel();
  const said = { examples: 512, loss: 0, agreement: 0 };
  const reply = await volunteer.sendCommit(at, [sha256(frame)], said);
  expect(await reply.json()).toMatchObject({ verdict: "accepted" });
}

/** The student that anybody computes from what participants sent. */
function studentFrom(sections: readonly Float32Array[], strength: number) {
  const plan = reinitPlan(graph, { kind: "layerwise" }, strength);
  const kept = state.slice();
  const norms = identityNorms(graph, layout, poolStatistics(graph, layout, sections));
  putIdentityNorms(kept, layout, norms, 0);
  return {
    student: reinitialise(kept, layout, plan, parseSeed(SEED)),
    maskDigest: sha256(reinitMask(layout, plan, parseSeed(SEED))),
  };
}

const digests = (student: Float32Array) =>
  layout.slices.map(({ length, offset }) =>
    sha256(encodeFloats("F32", student.subarray(offset, offset + length))),
  );

async function exported(id: string): Promise<Uint8Array> {
  const response = await send(`/api/v1/admin/campaigns/${id}/export`, { token: ADMIN });
  expect(response.headers.get("Content-Disposition")).toMatch(/\.onnx"$/);
  return new Uint8Array(await response.arrayBuffer());
}

async function folded(student: Float32Array): Promise<Uint8Array> {
  const pieces: number[] = [];
  const values = (from: number, length: number) => student.subarray(from, from + length);
  for await (const piece of restoreModel(standing, values)) pieces.push(...piece);
  return Uint8Array.from(pieces);
}

/** Why a campaign with norms that stand in is refused. */
async function refused(changes: Partial<CampaignConfigInput>, of: TinyModel): Promise<unknown> {
  await (await uploadModel(of)).body?.cancel();
  const json = config(of, { network: { standInNorms: true }, ...changes });
  const asked = { method: "POST", token: ADMIN, json };
  const response = await send("/api/v1/admin/campaigns", asked);
  return (await expectProblem(response, 400, "malformed-request"))["detail"];
}

describe("a campaign of a model whose norms may have been folded away", () => {
  it("[L1] has norms that stand in unless it says otherwise, and one of any other model has not", async () => {
    const usual = await createCampaign({}, model);
    expect(usual.config.network).toEqual({ standInNorms: true });
    expect(usual).toMatchObject({ rounds: 4, starts: [] });
    expect(usual.model).toMatchObject({ length: layout.length });
    const without = await createCampaign({ network: { standInNorms: false } }, model);
    expect(without.config.network).toEqual({ standInNorms: false });
    expect(without).toMatchObject({ rounds: 3, starts: [{ maskDigest: expect.any(String) }] });
    expect(without.model).toMatchObject({ length: plain.layout.length });
    expect((await createCampaign({})).config.network).not.toHaveProperty("standInNorms");
  });

  it("[L1] [L7] is refused with norms that have no place, or that the strategy cannot do with", async () => {
    expect(await refused({}, tinyModel())).toMatch(/network\.standInNorms is for ONNX files/);
    const divergence = { reinit: { strategy: { kind: "bn-divergence" } } } as const;
    expect(await refused(divergence, model)).toMatch(/the model was trained on/);
  });

  it("[L4] [L5] [L6] begins with what participants measured, and its result has the file's form", async () => {
    const { id, volunteers } = await runningCampaign(
      3,
      { reinit: REINIT, round: { goal: 3 } },
      model,
    );
    const [liar] = volunteers as [Volunteer];
    const beyond = measuredBy(0).fill(10_001, 0, 1);
    const frame = frameOf(beyond);
    const problem = await liar.putFrame(await assigned(liar), statistics.index, frame);
    expect(await expectProblem(problem, 422, "malformed-update")).toMatchObject({
      detail: expect.stringContaining("10001 in 'w1/stand-in.mean' at channel 0"),
    });
    // Within the bounds, and outvoted.
    const sections = [measuredBy(0).fill(9000), measuredBy(1), measuredBy(2)];
    for (const [rank, volunteer] of volunteers.entries()) await measure(volunteer, sections[rank]!);
    await until(id, committed(1));
    const { maskDigest, student } = studentFrom(sections, REINIT.strength);
    const start = { strength: REINIT.strength, maskDigest };
    expect((await report(id)).starts).toMatchObject([start]);
    expect(await volunteers[1]!.assignment()).toMatchObject({ student: digests(student) });
    expect(Math.max(...student)).toBeLessThan(100);
    expect(await exported(id)).toEqual(await folded(student));

    for (const [rank, volunteer] of volunteers.entries()) {
      await volunteer.contribute(updateOf(volunteer.view, rank));
    }
    await until(id, committed(2));
    const parts = await studentOf(id, 2);
    const trained = Float32Array.from(parts.flatMap((part) => Array.from(part)));
    expect(trained).not.toEqual(student);
    const out = await exported(id);
    expect(out).toEqual(await folded(trained));
    expect(out).toHaveLength(bytes.length);
    expect(out).not.toEqual(bytes);
  });

  it("[L6] gives the file's own bytes where nothing was drawn anew or trained", async () => {
    const { id, volunteers } = await runningCampaign(
      1,
      { reinit: { ...REINIT, strength: 0 }, round: { goal: 1 } },
      model,
    );
    await measure(volunteers[0]!, measuredBy(1));
    await until(id, committed(1));
    expect(await exported(id)).toEqual(bytes);
  });
});
