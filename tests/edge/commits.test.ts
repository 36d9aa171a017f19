import { reset } from "cloudflare:test";
import { afterEach, describe, expect, it } from "vitest";
import { sha256 } from "../../protocol/digest.ts";
import {
  act,
  committed,
  expectProblem,
  report,
  rounds,
  runningCampaign,
  until,
  type Volunteer,
} from "./coordinator.ts";
import { updateOf } from "./what-is-sent.ts";

afterEach(() => reset());

const START = { round: 0, attempt: 0 };

async function assigned(count = 1, goal = 2): Promise<{ id: string; volunteers: Volunteer[] }> {
  const campaign = await runningCampaign(count, { round: { goal } });
  for (const volunteer of campaign.volunteers) await volunteer.assignment();
  return campaign;
}

describe("committing an update", () => {
  it("[R5] the same commit again gets the same answer; another is a conflict", async () => {
    const { id, volunteers } = await assigned();
    const [volunteer] = volunteers as [Volunteer];
    const slices = await volunteer.upload(START, volunteer.frames(updateOf(volunteer.view, 1)));
    const first = await (await volunteer.sendCommit(START, slices)).text();
    expect(await (await volunteer.sendCommit(START, slices)).text()).toBe(first);
    const other = await volunteer.sendCommit(START, slices, { examples: 4 });
    await expectProblem(other, 409, "update-conflict");
    expect((await report(id)).current).toMatchObject({ accepted: 1, examples: 8 });
    const frame = volunteer.frames(updateOf(volunteer.view, 2))[0]!;
    await expectProblem(await volunteer.putFrame(START, 0, frame), 409, "update-conflict");
  });

  it("[R5] replayed after its round it still gets the same answer and counts once", async () => {
    const { id, volunteers } = await assigned(1, 1);
    const [volunteer] = volunteers as [Volunteer];
    const slices = await volunteer.upload(START, volunteer.frames(updateOf(volunteer.view, 1)));
    const first = await (await volunteer.sendCommit(START, slices)).text();
    await until(id, committed(1));
    expect(await (await volunteer.sendCommit(START, slices)).text()).toBe(first);
    const other = await volunteer.sendCommit(START, slices, { loss: 0 });
    await expectProblem(other, 409, "update-conflict");
    const next = await volunteer.sendCommit({ round: 1, attempt: 0 }, slices);
    await expectProblem(next, 409, "stale-round");
    expect((await rounds(id))[0]).toMatchObject({ accepted: 1 });
  });

  it("[R5] names the slices that are missing", async () => {
    const { volunteers } = await assigned();
    const [volunteer] = volunteers as [Volunteer];
    const frames = volunteer.frames(updateOf(volunteer.view, 1));
    const digests = frames.map((frame) => sha256(frame));
    await (await volunteer.putFrame(START, 0, frames[0]!)).body?.cancel();
    const problem = await expectProblem(
      await volunteer.sendCommit(START, digests),
      409,
      "incomplete-update",
    );
    expect(problem["missing"]).toEqual([1]);
    const short = await volunteer.sendCommit(START, digests.slice(0, 1));
    await expectProblem(short, 400, "malformed-request");
  });

  it("[R6] one that comes while its attempt combines is rejected with a reason", async () => {
    const { id, volunteers } = await runningCampaign(2, { round: { goal: 1 } });
    const [first, late] = volunteers as [Volunteer, Volunteer];
    const at = await late.assignment();
    const slices = await late.upload(at, late.frames(updateOf(late.view, 1)));
    await act(id, "pause");
    // Paused, the goal is reached but nothing combines: the moment in between, held still.
    const own = await first.checkIn();
    expect(own).toMatchObject({ kind: "wait", reason: "paused" });
    await act(id, "resume");
    const update = updateOf(first.view, 2);
    const place = await first.assignment();
    const named = await first.upload(place, first.frames(update));
    await act(id, "pause");
    await (await first.sendCommit(place, named)).body?.cancel();
    const text = await (await late.sendCommit(at, slices)).text();
    expect(JSON.parse(text)).toMatchObject({
      verdict: "rejected",
      reason: "goal-reached",
      round: 0,
    });
    expect(await (await late.sendCommit(at, slices)).text()).toBe(text);
    await act(id, "resume");
    await until(id, committed(1));
    expect((await rounds(id))[0]).toMatchObject({ accepted: 1 });
  });

  it("[R7] weighs an update by its examples, up to the cap", async () => {
    const { id, volunteers } = await runningCampaign(1, {
      aggregation: { exampleCap: 5 },
      round: { goal: 1 },
    });
    const reply = await volunteers[0]!.contribute(updateOf(volunteers[0]!.view, 1), {
      examples: 1_000_000,
    });
    expect(reply).toMatchObject({ verdict: "accepted", weight: 5 });
    await until(id, committed(1));
    expect((await rounds(id))[0]).toMatchObject({ examples: 5 });
  });

  it("[P3] refuses what a commit must not say", async () => {
    const { volunteers } = await assigned();
    const [volunteer] = volunteers as [Volunteer];
    const slices = await volunteer.upload(START, volunteer.frames(updateOf(volunteer.view, 1)));
    for (const changes of [
      { examples: 0 },
      { examples: 1.5 },
      { loss: -1 },
      { loss: null },
      { agreement: 1.1 },
      { labels: [] },
      { backend: "x".repeat(201) },
    ]) {
      const response = await volunteer.sendCommit(START, slices, changes);
      await expectProblem(response, 400, "malformed-request");
    }
    await expectProblem(await volunteer.sendCommit(START, ["zz"]), 400, "malformed-request");
  });
});
