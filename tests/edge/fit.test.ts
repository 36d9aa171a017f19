import { abortAllDurableObjects, reset } from "cloudflare:test";
import { afterEach, describe, expect, it } from "vitest";
import type { Fit } from "../../protocol/round/fit.ts";
import type { ParticipantReport } from "../../protocol/round/reports.ts";
import {
  act,
  ADMIN,
  ask,
  committed,
  createCampaign,
  expectProblem,
  inviteToken,
  passDeadline,
  report,
  runningCampaign,
  send,
  until,
  Volunteer,
} from "./coordinator.ts";
import { updateOf } from "./what-is-sent.ts";

afterEach(() => reset());

const GOOD: Fit = {
  images: 64,
  confidence: 0.9,
  entropy: 0.2,
  distance: 0.01,
  otherwise: null,
  reading: null,
};
const BAD: Fit = { ...GOOD, distance: 0.4, otherwise: { as: "imagenet", distance: 0.01 } };
const GOAL_3 = { round: { goal: 3, minimum: 1 } };

const participants = (id: string): Promise<ParticipantReport[]> =>
  ask(`/api/v1/admin/campaigns/${id}/participants`, { token: ADMIN });

async function tell(volunteers: readonly Volunteer[], fits: readonly Fit[]): Promise<void> {
  for (const [i, fit] of fits.entries()) await volunteers[i]!.checkIn({ fit });
}

describe("participants' pictures", () => {
  it("[F1.1] [F1.4] what the teacher makes of them is kept and shown, one participant apart from another", async () => {
    const { id, volunteers } = await runningCampaign(2, GOAL_3);
    await tell(volunteers, [GOOD]);
    const [first, second] = volunteers as [Volunteer, Volunteer];
    const shown = new Map((await participants(id)).map((person) => [person.id, person.fit]));
    expect(shown.get(first.id)).toEqual(GOOD);
    expect(shown.get(second.id)).toBeNull();
    await second.checkIn({ fit: BAD });
    const misfits = new Map((await participants(id)).map((person) => [person.id, person.misfit]));
    expect(misfits.get(first.id)).toBeNull();
    expect(misfits.get(second.id)).toContain("mean and std are likely not the model's");
    expect((await report(id)).pictures).toEqual({ told: 2, unfit: 1 });
    // Told anew, after a restart with other pictures.
    await first.checkIn({ fit: { ...GOOD, images: 100 } });
    await first.checkIn();
    expect((await participants(id)).find((person) => person.id === first.id)!.fit).toMatchObject({
      images: 100,
    });
  });

  it("[F1.4] figures that no answers of the model have are refused at the door, naming the field", async () => {
    const { id, volunteers } = await runningCampaign(1, GOAL_3);
    const token = volunteers[0]!.credential;
    const refusals: [Record<string, unknown>, string][] = [
      [{ ...GOOD, images: 257 }, "fit.images"],
      [{ ...GOOD, images: 15 }, "images"],
      [{ ...GOOD, entropy: 2 }, "fit.entropy"],
      [{ ...GOOD, confidence: 0.1 }, "fit.confidence"],
      [{ ...GOOD, confidence: 1.5 }, "confidence"],
      [{ ...GOOD, distance: -1 }, "distance"],
      [{ ...GOOD, distance: 1e7 }, "distance"],
      [{ ...GOOD, otherwise: { as: "guessed", distance: 1 } }, "otherwise"],
      [
        { ...GOOD, reading: { says: { stem: 1 }, distance: 1, confidence: 1, entropy: 0 } },
        "reading",
      ],
      [{ ...GOOD, classes: [1, 2, 3] }, "classes"],
    ];
    for (const [fit, field] of refusals) {
      const options = { method: "POST", token, json: { fit } };
      const problem = await expectProblem(
        await send("/api/v1/check-in", options),
        400,
        "malformed-request",
      );
      expect(JSON.stringify(problem)).toContain(field);
    }
    expect((await participants(id))[0]!.fit).toBeNull();
  });

  it("[F1] are not asked about where the campaign does not want it", async () => {
    const { volunteers } = await runningCampaign(1, { ...GOAL_3, fit: null });
    const options = { method: "POST", token: volunteers[0]!.credential, json: { fit: GOOD } };
    await expectProblem(await send("/api/v1/check-in", options), 400, "malformed-request");
  });

  it("[F2.2] one that waits for a person's word takes no place and starts no deadline", async () => {
    const { id, volunteers } = await runningCampaign(1, GOAL_3);
    expect(await volunteers[0]!.checkIn({ fit: BAD, undecided: true })).toMatchObject({
      kind: "wait",
      reason: "undecided",
    });
    expect((await report(id)).current).toMatchObject({ state: "open", assigned: 0 });
    expect((await participants(id))[0]!.fit).toEqual(BAD);
  });
});

describe("a campaign whose participants' pictures do not fit", () => {
  it("[F3] [F3.3] pauses itself before anything is combined, naming the cause; resumed, it goes on", async () => {
    const { id, volunteers } = await runningCampaign(3, GOAL_3);
    const [first] = volunteers as [Volunteer];
    await first.contribute(updateOf(first.view, 1));
    await tell(volunteers, [BAD, BAD]);
    expect(await report(id)).toMatchObject({ state: "running", round: 0 });
    await volunteers[2]!.checkIn({ fit: BAD, undecided: true });
    const paused = await report(id);
    expect(paused).toMatchObject({ state: "paused", round: 0 });
    expect(paused.detail).toContain("3 of 3 participants");
    expect(paused.detail).toContain("--mean and --std");
    expect(await first.checkIn()).toMatchObject({ kind: "wait", reason: "paused" });

    await abortAllDurableObjects();
    await act(id, "resume");
    for (const volunteer of volunteers.slice(1)) {
      await volunteer.checkIn({ fit: BAD });
      await volunteer.contribute(updateOf(volunteer.view, 2));
    }
    expect(await until(id, committed(1))).toMatchObject({ state: "running", detail: null });
  });

  it("[F3.1] does so at the latest when the first round would be combined at its deadline", async () => {
    const { id, volunteers } = await runningCampaign(3, { round: { goal: 8, minimum: 1 } });
    await tell(volunteers, [BAD, GOOD, BAD]);
    const [first] = volunteers as [Volunteer];
    await first.contribute(updateOf(first.view, 1));
    expect(await report(id)).toMatchObject({ state: "running" });
    await passDeadline(id);
    expect(await report(id)).toMatchObject({ state: "paused", round: 0 });
    // The update is kept, and combined once somebody has seen the reason.
    await act(id, "resume");
    await passDeadline(id);
    await until(id, committed(1));
  });

  it("[F3.2] is not stopped by one who lies, nor by two who come first of many", async () => {
    const { id, volunteers } = await runningCampaign(4, { round: { goal: 4 } });
    await tell(volunteers, [BAD, GOOD, GOOD, BAD]);
    for (const volunteer of volunteers) await volunteer.contribute(updateOf(volunteer.view, 1));
    expect(await until(id, committed(1))).toMatchObject({ state: "running", detail: null });
  });

  it("[F3.1] waits for nobody: what the others did not tell is not asked after", async () => {
    const { id, volunteers } = await runningCampaign(3, GOAL_3);
    await tell(volunteers, [GOOD]);
    for (const volunteer of volunteers) await volunteer.contribute(updateOf(volunteer.view, 1));
    await until(id, committed(1));
    // Once something is committed, pictures are the participants' own concern.
    await tell(volunteers, [BAD, BAD, BAD]);
    expect(await report(id)).toMatchObject({ state: "running" });
  });

  it("[F3.4] is not stopped by one invite's enrolments, which count as one", async () => {
    const { id, volunteers } = await runningCampaign(2, { round: { goal: 4 } });
    await tell(volunteers, [GOOD, GOOD]);
    const { token } = await inviteToken(id, { uses: 6 });
    for (let i = 0; i < 6; i++) {
      await (await Volunteer.enrol(token)).checkIn({ fit: BAD, undecided: true });
    }
    const [first, second] = volunteers as [Volunteer, Volunteer];
    await first.contribute(updateOf(first.view, 1));
    await second.contribute(updateOf(second.view, 2));
    await passDeadline(id);
    expect(await until(id, committed(1))).toMatchObject({ state: "running" });
  });

  it("[F3] with a goal of one is stopped by that one; who was removed does not count", async () => {
    const { id, volunteers } = await runningCampaign(2, { round: { goal: 1 } });
    const [gone, other] = volunteers as [Volunteer, Volunteer];
    await ask(`/api/v1/admin/campaigns/${id}/participants/${gone.id}`, {
      method: "DELETE",
      token: ADMIN,
    });
    await other.checkIn();
    expect(await report(id)).toMatchObject({ state: "running" });
    await other.checkIn({ fit: BAD });
    expect(await report(id)).toMatchObject({ state: "paused" });
  });

  it("[F3] is told at the start what those who wait for it have said", async () => {
    const { id } = await createCampaign({ round: { goal: 1 } });
    const { token } = await inviteToken(id);
    const early = await Volunteer.enrol(token);
    await early.checkIn({ fit: BAD, undecided: true });
    expect(await report(id)).toMatchObject({ state: "ready" });
    expect(await act(id, "start")).toMatchObject({ state: "paused" });
    expect(await act(id, "resume")).toMatchObject({ state: "running", detail: null });
  });
});
