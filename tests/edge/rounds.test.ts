import { reset, runDurableObjectAlarm } from "cloudflare:test";
import { afterEach, describe, expect, it, vi } from "vitest";
import type { CampaignAction } from "../../protocol/round/states.ts";
import {
  act,
  committed,
  control,
  createCampaign,
  expectProblem,
  inviteToken,
  passDeadline,
  report,
  rounds,
  runningCampaign,
  send,
  sql,
  stopClock,
  studentOf,
  until,
  Volunteer,
  ADMIN,
} from "./coordinator.ts";
import { updateOf } from "./what-is-sent.ts";

afterEach(() => reset());

describe("rounds", () => {
  it("[R1] the deadline starts with the first assignment", async () => {
    const { id, volunteers } = await runningCampaign(1);
    expect((await report(id)).current).toMatchObject({ state: "open", deadline: null });
    const now = stopClock();
    const { deadline } = await volunteers[0]!.assignment();
    expect(deadline).toBe(now + 900_000);
    expect((await report(id)).current).toMatchObject({ state: "collecting", deadline });
  });

  it("[R1.1] below the minimum at the deadline the round opens again as the next attempt", async () => {
    const { id, volunteers } = await runningCampaign(2, { round: { goal: 4, minimum: 2 } });
    const [first, second] = volunteers as [Volunteer, Volunteer];
    await first.contribute(updateOf(first.view, 1));
    const stale = await second.assignment();
    await passDeadline(id);
    const [voided, next] = await rounds(id);
    expect(voided).toMatchObject({ round: 0, attempt: 0, state: "aborted", accepted: 1 });
    expect(voided!.detail).toContain("1 of at least 2 updates");
    expect(next).toMatchObject({ round: 0, attempt: 1, state: "open" });
    await expectProblem(await second.putFrame(stale, 0, new Uint8Array(64)), 409, "stale-round");
    expect(await second.assignment()).toMatchObject({ round: 0, attempt: 1 });
    expect(await studentOf(id, 0)).toHaveLength(2);
  });

  it("[R1] with the minimum at the deadline it combines what there is", async () => {
    const { id, volunteers } = await runningCampaign(1, { round: { goal: 4, minimum: 1 } });
    await volunteers[0]!.contribute(updateOf(volunteers[0]!.view, 1));
    await passDeadline(id);
    const { current } = await until(id, committed(1));
    expect(current).toMatchObject({ round: 1, state: "open" });
    expect((await rounds(id))[0]).toMatchObject({ state: "committed", accepted: 1, examples: 8 });
  });

  it("[R1] the minimum is half the goal unless the campaign says otherwise", async () => {
    const { config } = await createCampaign({ round: { goal: 5 } });
    expect(config.round.minimum).toBe(3);
  });

  it("[R2] hands out no more assignments than goal times over-selection", async () => {
    const { volunteers } = await runningCampaign(4, { round: { goal: 2, overSelection: 1.5 } });
    const replies = [];
    for (const volunteer of volunteers) replies.push(await volunteer.checkIn());
    expect(replies.map(({ kind }) => kind)).toEqual([
      "assignment",
      "assignment",
      "assignment",
      "wait",
    ]);
    expect(replies[3]).toMatchObject({ reason: "round-full" });
  });

  it("[R2] a participant that asks again gets the same assignment", async () => {
    const { id, volunteers } = await runningCampaign(1);
    const first = await volunteers[0]!.assignment();
    expect(await volunteers[0]!.assignment()).toEqual(first);
    expect((await report(id)).current).toMatchObject({ assigned: 1 });
  });

  it("[R2] one that has contributed is told to wait", async () => {
    const { volunteers } = await runningCampaign(1);
    await volunteers[0]!.contribute(updateOf(volunteers[0]!.view, 1));
    expect(await volunteers[0]!.checkIn()).toMatchObject({
      kind: "wait",
      reason: "already-contributed",
    });
  });

  it("[D2] an assignment says where its steps lie in the campaign", async () => {
    const { id, volunteers } = await runningCampaign(1, { round: { goal: 1 } });
    expect(await volunteers[0]!.assignment()).toMatchObject({ startStep: 0, totalSteps: 4 });
    await volunteers[0]!.contribute(updateOf(volunteers[0]!.view, 1));
    await until(id, committed(1));
    expect(await volunteers[0]!.assignment()).toMatchObject({ startStep: 2, totalSteps: 4 });
  });

  it("[R10] too many void attempts in a row pause the campaign, which says why", async () => {
    const { id, volunteers } = await runningCampaign(1, { round: { goal: 2, maxAttempts: 2 } });
    await volunteers[0]!.assignment();
    await passDeadline(id);
    expect(await report(id)).toMatchObject({ state: "running" });
    await volunteers[0]!.assignment();
    await passDeadline(id);
    const paused = await report(id);
    expect(paused.state).toBe("paused");
    expect(paused.detail).toContain("2 times in a row");
    expect(await volunteers[0]!.checkIn()).toMatchObject({ kind: "wait", reason: "paused" });
    expect(await act(id, "resume")).toMatchObject({ state: "running", detail: null });
    expect(await volunteers[0]!.assignment()).toMatchObject({ round: 0, attempt: 2 });
    await passDeadline(id);
    expect(await report(id)).toMatchObject({ state: "running" });
  });

  it("[R1] an alarm that comes early, or twice, changes nothing", async () => {
    const { id, volunteers } = await runningCampaign(1);
    await volunteers[0]!.assignment();
    const before = await report(id);
    expect(await runDurableObjectAlarm(control(id))).toBe(true);
    expect(await runDurableObjectAlarm(control(id))).toBe(true);
    expect((await report(id)).current).toEqual(before.current);
  });

  it("[R1] the deadline takes effect even where no alarm fires", async () => {
    const { id, volunteers } = await runningCampaign(1);
    const at = await volunteers[0]!.assignment();
    const slices = await volunteers[0]!.upload(
      at,
      volunteers[0]!.frames(updateOf(volunteers[0]!.view, 1)),
    );
    await sql(id, "UPDATE attempts SET deadline = 1");
    await expectProblem(await volunteers[0]!.sendCommit(at, slices), 409, "stale-round");
    expect((await report(id)).current).toMatchObject({ attempt: 1, state: "open" });
  });
});

describe("a campaign's states", () => {
  const ALLOWED: Record<string, CampaignAction[]> = {
    ready: ["start", "abort"],
    running: ["pause", "abort"],
    paused: ["resume", "abort"],
    finished: [],
    aborted: [],
  };

  it.each(Object.entries(ALLOWED))(
    "[C2] %s permits %j and nothing else",
    async (state, allowed) => {
      for (const action of ["start", "pause", "resume", "abort"] as const) {
        const { id } = await createCampaign();
        await sql(id, "UPDATE campaign SET state = ?", state);
        const response = await send(`/api/v1/admin/campaigns/${id}/${action}`, {
          method: "POST",
          token: ADMIN,
        });
        if (allowed.includes(action)) {
          expect(response.status).toBe(200);
          await response.body?.cancel();
        } else {
          const problem = await expectProblem(response, 409, "campaign-state");
          expect(problem["state"]).toBe(state);
        }
      }
    },
  );

  it("[C2] before the start participants wait", async () => {
    const { id } = await createCampaign();
    const { token } = await inviteToken(id);
    const volunteer = await Volunteer.enrol(token);
    expect(await volunteer.checkIn()).toMatchObject({ kind: "wait", reason: "not-started" });
  });

  it("[C3] pausing keeps updates and stops the deadline", async () => {
    const { id, volunteers } = await runningCampaign(2, { round: { deadlineSeconds: 60 } });
    const [first, second] = volunteers as [Volunteer, Volunteer];
    await first.contribute(updateOf(first.view, 1));
    const at = await second.assignment();
    const slices = await second.upload(at, second.frames(updateOf(second.view, 2)));
    await act(id, "pause");
    expect((await report(id)).current).toMatchObject({ state: "collecting", deadline: null });
    expect(await first.checkIn()).toMatchObject({ kind: "wait", reason: "paused" });
    const reply = await second.sendCommit(at, slices);
    expect(await reply.json()).toMatchObject({ verdict: "accepted" });
    expect(await report(id)).toMatchObject({ round: 0, state: "paused" });
    await act(id, "resume");
    await until(id, committed(1));
    expect((await rounds(id))[0]).toMatchObject({ state: "committed", accepted: 2 });
  });

  it("[C3] the deadline goes on with what was left of it", async () => {
    const { id, volunteers } = await runningCampaign(1, { round: { deadlineSeconds: 1000 } });
    const now = stopClock();
    await volunteers[0]!.assignment();
    await sql(id, "UPDATE attempts SET deadline = ?", now + 100_000);
    await act(id, "pause");
    vi.setSystemTime(now + 5000_000);
    await act(id, "resume");
    const { deadline } = await volunteers[0]!.assignment();
    expect(deadline).toBe(now + 5100_000);
  });

  it("[C2] abort ends the attempt, and participants are told so", async () => {
    const { id, volunteers } = await runningCampaign(1);
    const at = await volunteers[0]!.assignment();
    expect(await act(id, "abort")).toMatchObject({ state: "aborted" });
    expect(await volunteers[0]!.checkIn()).toMatchObject({ kind: "ended", state: "aborted" });
    expect((await rounds(id))[0]).toMatchObject({ state: "aborted" });
    const frames = volunteers[0]!.frames(updateOf(volunteers[0]!.view, 1));
    await expectProblem(await volunteers[0]!.putFrame(at, 0, frames[0]!), 409, "stale-round");
  });
});
