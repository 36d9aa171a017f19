import { abortAllDurableObjects, reset } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, describe, expect, it } from "vitest";
import type { CommittedLink } from "../../edge/campaign/chain/link.ts";
import { chainDigest } from "../../edge/campaign/chain/link.ts";
import { sha256 } from "../../protocol/digest.ts";
import { importModel } from "../../protocol/formats/import-model.ts";
import type { InvitePreview } from "../../protocol/round/access.ts";
import type { CommitReply } from "../../protocol/round/assignment.ts";
import { encodeFloats } from "../../protocol/formats/float-encodings.ts";
import {
  act,
  ADMIN,
  ask,
  committed,
  config,
  createCampaign,
  expectProblem,
  inviteToken,
  passDeadline,
  report,
  rounds,
  runningCampaign,
  send,
  sql,
  studentOf,
  until,
  uploadModel,
  type Volunteer,
} from "./coordinator.ts";
import { updateOf } from "./what-is-sent.ts";
import { combineUntil } from "./kill-combining.ts";
import { tinyModel } from "./tiny-model.ts";

import {
  model,
  slice,
  MEASURING,
  measuredBy,
  frameOf,
  assigned,
  COMMIT,
  measure,
  readyToPool,
  expected,
  viewOf,
  layout,
  trainableLength,
} from "./statistics-campaign.ts";

afterEach(() => reset());

describe("a campaign that begins with a statistics round", () => {
  it("[B1.1] has no student before it, and tells so", async () => {
    const created = await createCampaign(MEASURING, model);
    expect(created).toMatchObject({ rounds: 3, starts: [], statistics: null });
    const response = await send(`/api/v1/admin/campaigns/${created.id}/export`, { token: ADMIN });
    const { detail } = await expectProblem(response, 404, "not-found");
    expect(detail).toContain("statistics round");
    expect(await sql(created.id, "SELECT count(*) AS n FROM students")).toEqual([{ n: 0 }]);
  });

  it("[B1.2] is refused where its participants' statistics could not be held at once", async () => {
    await (await uploadModel(model)).body?.cancel();
    const before = (await env.BLOBS.list()).objects.length;
    const response = await send("/api/v1/admin/campaigns", {
      method: "POST",
      token: ADMIN,
      json: { ...config(model, { ...MEASURING, round: { goal: 10_000 } }) },
    });
    const { detail } = await expectProblem(response, 400, "malformed-request");
    expect(detail).toMatch(/pools the statistics of a round's 10000 participants.*at most \d+/);
    expect((await env.BLOBS.list()).objects).toHaveLength(before);
  });

  it("[B5] [B6] [R9.3] pools what came, and begins with the student₀ that anybody computes from it", async () => {
    const { id, volunteers } = await runningCampaign(3, MEASURING, model);
    const [first] = volunteers as [Volunteer];
    expect(first.view).toMatchObject({ statistics: null, starts: [] });
    const { token } = await inviteToken(id);
    const offer = () => ask<InvitePreview>("/api/v1/invite", { token });
    expect(await offer()).toMatchObject({ rounds: 3, statisticsImages: 64, measuringImages: 32 });
    // Any order of arrival.
    for (const rank of [2, 0, 1]) {
      expect(await measure(volunteers[rank]!, measuredBy(rank))).toEqual({
        verdict: "accepted",
        round: 0,
        weight: 64,
      });
    }
    const latest = await until(id, committed(1));
    const { statistics, start } = expected(2);
    expect(latest).toMatchObject({ statistics, state: "running", rounds: 3 });
    const view = await viewOf(first);
    expect(view).toMatchObject({ statistics, starts: [start] });
    expect(await offer()).toMatchObject({ statisticsImages: 0, measuringImages: 0 });
    const blob = await send(`/api/v1/blobs/${statistics}`, { token: first.credential });
    expect(sha256(new Uint8Array(await blob.arrayBuffer()))).toBe(statistics);
    expect((await rounds(id))[0]).toMatchObject({
      leg: { kind: "statistics" },
      judging: false,
      accepted: 3,
      examples: 0,
      loss: null,
      scores: null,
    });
    expect(await first.assignment()).toMatchObject({
      round: 1,
      student: start.initialStudent,
      leg: { kind: "main", candidate: 0, roundOfLeg: 0 },
      startStep: 0,
    });

    const path = `/api/v1/admin/campaigns/${id}/rounds`;
    const { chain, link } = await ask<{ chain: string; link: CommittedLink }>(`${path}/0/chain`, {
      token: ADMIN,
    });
    expect(chainDigest(link)).toBe(chain);
    expect(link).toMatchObject({
      previous: null,
      leg: { kind: "statistics" },
      statistics,
      outputs: [],
      inputs: volunteers.map(({ id: participant }, rank) => ({
        participant,
        weight: 64,
        slices: [sha256(frameOf(measuredBy(rank)))],
      })),
    });
    expect(link).not.toHaveProperty("student");

    for (const volunteer of volunteers) await volunteer.contribute(updateOf(volunteer.view, 1));
    await until(id, committed(2));
    const next = await ask<{ link: CommittedLink }>(`${path}/1/chain`, { token: ADMIN });
    expect(next.link).toMatchObject({ previous: chain, student: start.initialStudent });
    for (const volunteer of volunteers) await volunteer.judge();
    expect(await until(id, ({ state: now }) => now === "finished")).toMatchObject({ round: 3 });
    const exported = await send(`/api/v1/admin/campaigns/${id}/export`, { token: ADMIN });
    expect((await exported.arrayBuffer()).byteLength).toBe(model.bytes.length);
  });

  it("[B6] [J4.2] makes a start for every probe, of the same statistics", async () => {
    const id = await readyToPool({
      reinit: { ...MEASURING.reinit, strength: "auto" },
      probes: { strengths: [0, 2], rounds: 1 },
    });
    await passDeadline(id);
    const { starts, statistics } = await until(id, committed(1));
    expect(statistics).toBe(expected(2).statistics);
    expect(starts.map(({ strength, maskDigest }) => ({ strength, maskDigest }))).toEqual(
      [0, 2].map((strength) => {
        const { maskDigest } = expected(strength).start;
        return { strength, maskDigest };
      }),
    );
    expect((await report(id)).current).toMatchObject({ leg: { kind: "probe", candidate: 0 } });
  });
});

/** Statistics with one value that was not measured. */
function changed(offset: number, value: number) {
  const values = measuredBy(0);
  values[offset - trainableLength] = value;
  return values;
}

describe("at the door of a statistics round", () => {
  it("[B2.2] [B2.3] [B4] what cannot be is refused with its reason, and spoils nobody's round", async () => {
    const { id, volunteers } = await runningCampaign(4, MEASURING, model);
    const [liar, ...others] = volunteers as [Volunteer, ...Volunteer[]];
    const at = await assigned(liar);
    const put = (values: Float32Array, index = slice!.index) =>
      liar.putFrame(at, index, frameOf(values, index));
    const trainable = new Float32Array(layout.slices[0]!.length);
    const wrong = await expectProblem(await put(trainable, 0), 404, "not-found");
    expect(wrong["detail"]).toMatch(/for statistics: it takes slices 1 to 1 alone/);

    const variance = layout.entries.find(({ name }) => name === "layer1.0.bn1.running_var")!;
    const mean = layout.entries.find(({ name }) => name === "layer1.0.bn1.running_mean")!;
    for (const [values, why] of [
      [changed(variance.offset, -0.5), /-0.5 in 'layer1.0.bn1.running_var' at channel 0/],
      [changed(variance.offset, 1e12), /more than 100000000 times the teacher/],
      [changed(mean.offset + 1, 1e9), /1000000000 in 'layer1.0.bn1.running_mean' at channel 1/],
    ] as const) {
      const problem = await expectProblem(await put(values), 422, "malformed-update");
      expect(problem["detail"]).toMatch(why);
    }
    const short = frameOf(measuredBy(0).subarray(1));
    await expectProblem(await liar.putFrame(at, slice!.index, short), 422, "length-mismatch");
    for (const [rank, volunteer] of others.entries()) await measure(volunteer, measuredBy(rank));
    expect((await until(id, committed(1))).statistics).toBe(expected(2).statistics);
  });

  it("[B2.3] [B3] a commit that does not say what was measured is refused, naming the field", async () => {
    const { volunteers } = await runningCampaign(1, MEASURING, model);
    const [volunteer] = volunteers as [Volunteer];
    const at = await assigned(volunteer);
    const frame = frameOf(measuredBy(0));
    await (await volunteer.putFrame(at, slice!.index, frame)).body?.cancel();
    for (const [field, changes] of [
      ["examples", { examples: 31 }],
      ["examples", { examples: 65 }],
      ["examples", { examples: 0 }],
      ["slices", { slices: [] }],
      ["loss", { loss: 1 }],
      ["agreement", { agreement: 0.5 }],
      ["scores", { scores: { images: 4, loss: 0, agreement: 1, perturbed: [] } }],
    ] as const) {
      const response = await volunteer.sendCommit(at, [sha256(frame)], { ...COMMIT, ...changes });
      const { detail } = await expectProblem(response, 400, "malformed-request");
      expect(detail).toContain(field);
    }
  });

  it("[B3] who has too few images leaves its place to another", async () => {
    const { id, volunteers } = await runningCampaign(
      4,
      { ...MEASURING, round: { goal: 3, overSelection: 1 } },
      model,
    );
    const [few, ...others] = volunteers as [Volunteer, ...Volunteer[]];
    const at = await assigned(few);
    for (const volunteer of others.slice(0, 2)) await assigned(volunteer);
    expect(await others[2]!.checkIn()).toMatchObject({ kind: "wait", reason: "round-full" });
    const decline = { ...COMMIT, examples: 0 };
    const reply = await (await few.sendCommit(at, [], decline)).json<CommitReply>();
    expect(reply).toMatchObject({ verdict: "rejected", reason: "too-few-images" });
    expect(await (await few.sendCommit(at, [], decline)).json()).toEqual(reply);
    expect(await few.checkIn()).toMatchObject({ reason: "already-contributed" });
    expect((await report(id)).evidenceGap).toMatch(
      /waits for statistics.*0 of 3 participants measured so far, and 1 participant has too few/,
    );
    for (const [rank, volunteer] of others.entries()) await measure(volunteer, measuredBy(rank));
    await until(id, committed(1));
    expect((await rounds(id))[0]).toMatchObject({ accepted: 3, assigned: 4 });
    expect(await few.assignment()).toMatchObject({ round: 1 });
  });
});

describe("a statistics round that does not end", () => {
  it("[B5.2] with fewer than three participants' is void and opens again, and says why", async () => {
    const { id, volunteers } = await runningCampaign(
      3,
      { ...MEASURING, round: { goal: 3, minimum: 1, maxAttempts: 2 } },
      model,
    );
    const [first, second, few] = volunteers as [Volunteer, Volunteer, Volunteer];
    await measure(first, measuredBy(0));
    await measure(second, measuredBy(1));
    await (
      await few.sendCommit(await assigned(few), [], { ...COMMIT, examples: 0 })
    ).body?.cancel();
    await passDeadline(id);
    const [voided] = await rounds(id);
    expect(voided).toMatchObject({ state: "aborted", accepted: 2 });
    expect(voided!.detail).toMatch(/2 of at least 3 updates.*1 participants have too few images/);
    expect(await assigned(first)).toMatchObject({ round: 0, attempt: 1 });
    await passDeadline(id);
    expect(await report(id)).toMatchObject({ state: "paused", round: 0, starts: [] });
    await act(id, "resume");
    for (const [rank, volunteer] of volunteers.entries()) {
      await measure(volunteer, measuredBy(rank));
    }
    expect((await until(id, committed(1))).statistics).toBe(expected(2).statistics);
  });

  it("[B5.2] where participants went away goes on with the others; one that was removed has no part", async () => {
    const round = { goal: 5, minimum: 3, overSelection: 2 };
    const { id, volunteers } = await runningCampaign(5, { ...MEASURING, round }, model);
    const [gone, removed, ...others] = volunteers as [Volunteer, Volunteer, ...Volunteer[]];
    const at = await assigned(gone);
    const frame = frameOf(measuredBy(7));
    await (await gone.putFrame(at, slice!.index, frame)).body?.cancel();
    await measure(removed, measuredBy(9));
    await ask(`/api/v1/admin/campaigns/${id}/participants/${removed.id}`, {
      method: "DELETE",
      token: ADMIN,
    });
    for (const [rank, volunteer] of others.entries()) await measure(volunteer, measuredBy(rank));
    await passDeadline(id);
    expect((await until(id, committed(1))).statistics).toBe(expected(2).statistics);
    await expectProblem(await gone.sendCommit(at, [sha256(frame)], COMMIT), 409, "stale-round");
  });

  it("[B5.3] [R1.1] with statistics that overflow is void", async () => {
    const wild = tinyModel({
      width: 2,
      change: (tensors) => {
        const found = tensors.find(({ name }) => name === "bn1.running_var")!;
        if ("values" in found) (found.values as Float32Array).fill(3e30);
      },
    });
    const own = (await importModel(wild.bytes)).state.subarray(trainableLength);
    const { offset } = layout.entries.find(({ name }) => name === "bn1.running_mean")!;
    const { id, volunteers } = await runningCampaign(3, MEASURING, wild);
    for (const [rank, volunteer] of volunteers.entries()) {
      const values = Float32Array.from(own);
      values[offset - trainableLength] = (rank - 1) * 1.7e19;
      values[offset - trainableLength + 1] = (rank - 1) * 1.7e19;
      const variance = layout.entries.find(({ name }) => name === "bn1.running_var")!;
      values[variance.offset - trainableLength] = 1e38;
      await measure(volunteer, values);
    }
    await until(id, ({ current }) => current?.attempt === 1);
    expect((await rounds(id))[0]).toMatchObject({
      state: "aborted",
      detail: expect.stringContaining("not finite"),
    });
  });
});

describe("a coordinator that is killed in a statistics round", () => {
  it("[R3] [B6] between any two steps of pooling goes on to the same bits", async () => {
    let kills = 0;
    for (let steps = 0; ; steps++) {
      const id = await readyToPool();
      if ((await combineUntil(id, steps)) === "finished") break;
      kills++;
      await abortAllDurableObjects();
      const { starts, statistics } = await until(id, committed(1));
      const wanted = expected(2);
      expect(statistics).toBe(wanted.statistics);
      expect(starts).toMatchObject([{ maskDigest: wanted.start.maskDigest }]);
      const student = await studentOf(id, 1);
      expect(student.map((values) => sha256(encodeFloats("F32", values)))).toEqual(
        wanted.start.initialStudent,
      );
    }
    // Plan, two stored results each read, written and read again, and the commit at least.
    expect(kills).toBeGreaterThanOrEqual(7);
  });

  it("[R3] at every step of the round loses nothing and counts nothing twice", async () => {
    const { id, volunteers } = await runningCampaign(3, MEASURING, model);
    for (const [rank, volunteer] of volunteers.entries()) {
      await measure(volunteer, measuredBy(rank), () => abortAllDurableObjects());
    }
    expect((await until(id, committed(1))).statistics).toBe(expected(2).statistics);
    expect((await rounds(id))[0]).toMatchObject({ accepted: 3, state: "committed" });
  });

  it("[C2] [C3] paused it keeps what came; aborted it makes nothing", async () => {
    const id = await readyToPool();
    expect(await combineUntil(id, 3)).toBe("killed");
    await act(id, "pause");
    expect(await report(id)).toMatchObject({ state: "paused", round: 0, statistics: null });
    await act(id, "resume");
    expect((await until(id, committed(1))).statistics).toBe(expected(2).statistics);

    const other = await readyToPool();
    expect(await combineUntil(other, 3)).toBe("killed");
    await act(other, "abort");
    expect(await report(other)).toMatchObject({ state: "aborted", round: 0, starts: [] });
  });
});
