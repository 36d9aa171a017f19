import { abortAllDurableObjects, reset } from "cloudflare:test";
import { afterEach, describe, expect, it } from "vitest";
import type { CampaignConfigInput } from "../../protocol/round/campaign-config.ts";
import type { CampaignMetrics } from "../../protocol/round/reports.ts";
import {
  act,
  ADMIN,
  ask,
  committed,
  config,
  expectProblem,
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
import { scoresOf, updateOf } from "./what-is-sent.ts";
import { combineUntil } from "./kill-combining.ts";
import { tinyModel } from "./tiny-model.ts";

afterEach(() => reset());

const ONE_ROUND: Partial<CampaignConfigInput> = { distillation: { rounds: 1 } };

/** A campaign of one training round, which is committed: the judging round is open. */
async function toBeJudged(
  count: number,
  round: CampaignConfigInput["round"] = { goal: count },
): Promise<{ id: string; volunteers: Volunteer[] }> {
  const { distillation } = ONE_ROUND;
  const campaign = await runningCampaign(count, { distillation, round });
  for (const volunteer of campaign.volunteers) {
    await volunteer.contribute(updateOf(volunteer.view, 1));
  }
  await until(campaign.id, committed(1));
  return campaign;
}

/** A judging round whose deadline will close it, and not the goal. */
async function readyToClose(): Promise<string> {
  const round = { goal: 2, minimum: 1 };
  const { id, volunteers } = await runningCampaign(1, { ...ONE_ROUND, round });
  await volunteers[0]!.contribute(updateOf(volunteers[0]!.view, 1));
  await passDeadline(id);
  await until(id, committed(1));
  await volunteers[0]!.judge();
  return id;
}

describe("a judging round", () => {
  it("[J3] [J3.2] asks for no steps, takes scores alone, and leaves the student as it is", async () => {
    const { id, volunteers } = await toBeJudged(2);
    const [first, second] = volunteers as [Volunteer, Volunteer];
    expect(await first.assignment()).toMatchObject({
      round: 1,
      localSteps: 0,
      leg: { kind: "main", candidate: 0, roundOfLeg: 1, trainingRounds: 1 },
    });
    const said = { agreement: 1, perturbed: [0.9, 0.8, 0.5], images: 10, loss: 0.125 };
    await first.judge(said);
    await second.judge({ ...said, images: 30, agreement: 0.8 });
    expect(await until(id, committed(2))).toMatchObject({ state: "finished", rounds: 2 });
    expect(await studentOf(id, 2)).toEqual(await studentOf(id, 1));
    const [trained, judged] = await rounds(id);
    expect(judged).toMatchObject({
      judging: true,
      state: "committed",
      accepted: 2,
      examples: 0,
      loss: 0.125,
      agreement: expect.closeTo(0.85, 12),
      updateNorm: null,
      scores: {
        participants: 2,
        images: 40,
        agreement: expect.closeTo(0.85, 12),
        perturbed: [{ flips: [0, 4, 0] }, { flips: [0, 8, 0] }, { topClass: 1, topShare: 1 }],
        // 30 images weigh no more than the other 10.
        medians: { agreement: expect.closeTo(0.9, 12), trainingLoss: null },
      },
    });
    const path = `/api/v1/admin/campaigns/${id}/metrics`;
    const metrics = await ask<CampaignMetrics>(path, { token: ADMIN });
    // Of the latest round that trained.
    expect(metrics).toMatchObject({ loss: trained!.loss, agreement: trained!.agreement });
    expect(trained).toMatchObject({ loss: 0.5, agreement: 0.75 });
  });

  it("[J3.1] refuses slices, examples and incomplete scores, naming the field", async () => {
    const { volunteers } = await toBeJudged(1, { goal: 1 });
    const [volunteer] = volunteers as [Volunteer];
    const at = await volunteer.assignment();
    const scores = scoresOf(volunteer.view);
    const frame = volunteer.frames(updateOf(volunteer.view, 1))[0]!;
    await expectProblem(await volunteer.putFrame(at, 0, frame), 404, "not-found");
    for (const [field, changes] of [
      ["slices", { slices: ["0".repeat(64)] }],
      ["examples", { examples: 8 }],
      ["loss", { loss: 0.5 }],
      ["agreement", { agreement: 0.5 }],
      ["scores.perturbed", { scores: scoresOf(volunteer.view, { perturbed: [0.5] }) }],
    ] as const) {
      const response = await volunteer.sendScores(at, scores, changes);
      const { detail } = await expectProblem(response, 400, "malformed-request");
      expect(detail).toContain(`${field}: must`);
    }
    expect((await volunteer.sendScores(at, scores)).status).toBe(200);
  });

  it("[R5] the same scores again get the same answer, also after the round; others conflict", async () => {
    const { id, volunteers } = await toBeJudged(1, { goal: 1 });
    const [volunteer] = volunteers as [Volunteer];
    const at = await volunteer.assignment();
    const scores = scoresOf(volunteer.view);
    const first = await (await volunteer.sendScores(at, scores)).text();
    expect(await (await volunteer.sendScores(at, scores)).text()).toBe(first);
    await until(id, committed(2));
    expect(await (await volunteer.sendScores(at, scores)).text()).toBe(first);
    const others = scoresOf(volunteer.view, { agreement: 0.1 });
    await expectProblem(await volunteer.sendScores(at, others), 409, "update-conflict");
    expect((await rounds(id))[1]).toMatchObject({ accepted: 1 });
  });

  it("[R1.1] [R1.2] with too few at the deadline is void, and opens again", async () => {
    const { id, volunteers } = await toBeJudged(2, { goal: 2, minimum: 2 });
    const [first, second] = volunteers as [Volunteer, Volunteer];
    await first.judge();
    await passDeadline(id);
    expect((await report(id)).current).toMatchObject({ round: 1, attempt: 1, state: "open" });
    await first.judge();
    await second.judge();
    await until(id, ({ state }) => state === "finished");
    expect((await rounds(id)).map(({ state }) => state)).toEqual([
      "committed",
      "aborted",
      "committed",
    ]);
  });

  it("[C3] paused keeps scores, and ends when resumed", async () => {
    const { id, volunteers } = await toBeJudged(1, { goal: 1 });
    const at = await volunteers[0]!.assignment();
    await act(id, "pause");
    expect((await volunteers[0]!.sendScores(at, scoresOf(volunteers[0]!.view))).status).toBe(200);
    expect(await report(id)).toMatchObject({ state: "paused", round: 1 });
    await act(id, "resume");
    await until(id, ({ state }) => state === "finished");
  });

  it("[R3] killed between any two steps ends the same", async () => {
    let kills = 0;
    for (let steps = 0; ; steps++) {
      const id = await readyToClose();
      if ((await combineUntil(id, steps)) === "finished") break;
      kills++;
      await abortAllDurableObjects();
      const done = await until(id, ({ state }) => state === "finished");
      expect(done).toMatchObject({ round: 2, current: { accepted: 1, judging: true } });
      expect(await studentOf(id, 2)).toEqual(await studentOf(id, 1));
    }
    // The plan and the commit.
    expect(kills).toBe(2);
  });

  it("[R12.2] is not sized to the deadline: a slow participant scores, too", async () => {
    const { volunteers } = await toBeJudged(1, { goal: 1 });
    const reply = await volunteers[0]!.checkIn({ imagesPerSecond: 1e-6 });
    expect(reply).toMatchObject({ kind: "assignment", localSteps: 0 });
  });

  it("[J3.1] of the main leg ends also where nobody has images to score with", async () => {
    const { id, volunteers } = await toBeJudged(1, { goal: 1 });
    await volunteers[0]!.judge(null);
    const { current } = await until(id, ({ state }) => state === "finished");
    expect(current).toMatchObject({ accepted: 1, scores: null, loss: null, agreement: null });
  });
});

describe("scores at the door", () => {
  it("[J8.1] [J8.2] [J8.3] that do not fit together are refused, naming the field, and spoil nobody's round", async () => {
    const { id, volunteers } = await runningCampaign(2, ONE_ROUND);
    const [honest, odd] = volunteers as [Volunteer, Volunteer];
    const at = await odd.assignment();
    const slices = await odd.upload(at, odd.frames(updateOf(odd.view, 1)));
    const middle = { radii: [0.072], perturbed: [0.7] };
    const good = scoresOf(odd.view, middle);
    const [one] = good.perturbed;
    const refused: [string, unknown][] = [
      ["scores.images", { ...good, images: 65 }],
      ["scores.agreement", { ...good, agreement: 1.5 }],
      ["scores.loss", { ...good, loss: null }],
      ["scores.loss", { ...good, loss: 1e300 }],
      ["scores.transfer", { ...good, transfer: { class: 0, moved: 5, followed: 6 } }],
      ["scores.transfer", { ...good, transfer: { class: 0, moved: 11, followed: 0 } }],
      [
        "scores.transfer.class",
        { ...good, transfer: { class: odd.view.model.classes, moved: 5, followed: 2 } },
      ],
      ["scores.bend.class", { ...good, bend: { class: odd.view.model.classes, reach: 0.5 } }],
      ["scores.bend.reach", { ...good, bend: { class: 0, reach: 1.5 } }],
      ["scores.perturbed", { ...good, perturbed: [{ ...one, radius: 0.07 }] }],
      ["scores.perturbed", { ...good, perturbed: [one, one] }],
      ["scores.perturbed.0.flips", { ...good, perturbed: [{ ...one, flips: [0, 3] }] }],
      ["scores.perturbed.0.flips", { ...good, perturbed: [{ ...one, flips: [0, 4, 0] }] }],
      ["scores.perturbed.0.flips", { ...good, perturbed: [{ ...one, flips: [0, 0, 0] }] }],
    ];
    for (const [field, scores] of refused) {
      const response = await odd.sendCommit(at, slices, { scores });
      const { detail } = await expectProblem(response, 400, "malformed-request");
      expect(detail).toContain(`${field}: `);
    }
    const bend = { class: 2, reach: 0.25 };
    const scores = { ...scoresOf(honest.view, middle), bend };
    await honest.contribute(updateOf(honest.view, 2), { scores });
    await (await odd.sendCommit(at, slices, { scores: null })).body?.cancel();
    await until(id, committed(1));
    expect((await rounds(id))[0]).toMatchObject({
      accepted: 2,
      scores: {
        participants: 1,
        perturbed: [{ radius: 0.072, flips: [0, 3, 0] }],
        bends: [{ class: 2, participants: 1 }],
        medians: { bendReach: 0.25 },
      },
    });
  });

  it("[J8] are shown while the round still collects", async () => {
    const { id, volunteers } = await runningCampaign(2, ONE_ROUND);
    const [first] = volunteers as [Volunteer];
    expect((await report(id)).current).toMatchObject({ scores: null });
    await first.contribute(updateOf(first.view, 1), { scores: scoresOf(first.view) });
    expect((await report(id)).current).toMatchObject({ scores: { participants: 1, images: 10 } });
  });

  it("[R5] a commit of an earlier version, without scores, is known again", async () => {
    const { id, volunteers } = await runningCampaign(1, ONE_ROUND);
    const [volunteer] = volunteers as [Volunteer];
    const at = await volunteer.assignment();
    const slices = await volunteer.upload(at, volunteer.frames(updateOf(volunteer.view, 1)));
    const first = await (await volunteer.sendCommit(at, slices)).text();
    const [row] = await sql(id, "SELECT request FROM commits");
    expect(String(row!["request"])).not.toContain("scores");
    expect(await (await volunteer.sendCommit(at, slices, { scores: null })).text()).toBe(first);
  });

  it("[J8.4] a campaign whose scores would not fit into a commit is refused, and with fewer radii made", async () => {
    const model = tinyModel({ classes: 8000 });
    await (await uploadModel(model)).body?.cancel();
    const create = (radii: readonly number[]) =>
      send("/api/v1/admin/campaigns", {
        method: "POST",
        token: ADMIN,
        json: config(model, { judging: { radii: [...radii] } }),
      });
    const refused = await create([0.1, 0.2, 0.3, 0.4]);
    const { detail } = await expectProblem(refused, 400, "malformed-request");
    expect(detail).toMatch(/8000 classes at 4 radii .* set judging.radii to at most 3/);
    expect((await create([0.1, 0.2, 0.3])).status).toBe(201);
  });

  it("[C1] settings that make no sense are refused, naming the place", async () => {
    const { volunteers } = await runningCampaign(1, ONE_ROUND);
    const base = volunteers[0]!.view.config;
    for (const [path, changes] of [
      ["judging.radii", { judging: { radii: [0.2, 0.1] } }],
      ["judging.heldOut", { judging: { heldOut: 0.9 } }],
      ["probes.strengths", { probes: { strengths: [1, 1] } }],
      ["reinit.strength", { reinit: { strength: "strong" } }],
    ] as const) {
      const response = await send("/api/v1/admin/campaigns", {
        method: "POST",
        token: ADMIN,
        json: { ...base, ...changes },
      });
      const { detail } = await expectProblem(response, 400, "malformed-request");
      expect(detail).toContain(path);
    }
  });
});
