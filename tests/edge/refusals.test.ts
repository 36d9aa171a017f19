import { evictDurableObject, reset } from "cloudflare:test";
import { afterEach, describe, expect, it } from "vitest";
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
  studentOf,
  until,
  Volunteer,
} from "./coordinator.ts";
import { scoresOf, updateOf } from "./what-is-sent.ts";
import { linksOf } from "./links.ts";

afterEach(() => reset());

function refuse(
  volunteer: Volunteer,
  { round, attempt }: { round: number; attempt: number },
  json: unknown = { reason: "broken-student", found: "answers" },
): Promise<Response> {
  const path = `/api/v1/rounds/${round}/${attempt}/refuse`;
  return send(path, { method: "POST", token: volunteer.credential, json });
}

/** Takes an assignment and refuses its student. */
async function checkInAndRefuse(volunteer: Volunteer): Promise<void> {
  const response = await refuse(volunteer, await volunteer.assignment());
  expect(response.status).toBe(200);
}

/** A campaign of several, some rounds of which are done. */
async function afterRounds(count: number, done: number, scored = true) {
  const { id, volunteers } = await runningCampaign(count, {
    distillation: { rounds: 4 },
    round: { goal: count, overSelection: 1, maxAttempts: 3 },
  });
  for (let round = 0; round < done; round++) {
    for (const volunteer of volunteers) {
      const scores = scored ? scoresOf(volunteer.view, { perturbed: [] }) : null;
      await volunteer.contribute(updateOf(volunteer.view, round), { scores });
    }
    await until(id, committed(round + 1));
  }
  return { id, volunteers };
}

describe("a student that participants refuse", () => {
  it("[J12.6] [J12.7] by most of those who answer ends the campaign with the last good one", async () => {
    const { id, volunteers } = await afterRounds(3, 3);
    const [first, second, third] = volunteers as [Volunteer, Volunteer, Volunteer];
    await checkInAndRefuse(first);
    expect(await first.checkIn()).toMatchObject({ kind: "wait", reason: "broken-student" });
    await checkInAndRefuse(second);
    expect(await report(id)).toMatchObject({ state: "running" });
    expect((await rounds(id)).at(-1)).toMatchObject({
      refused: 2,
      refusals: [
        { participant: first.id, found: "answers" },
        { participant: second.id, found: "answers" },
      ],
    });
    // The third finds nothing wrong; it is outvoted.
    await third.contribute(updateOf(third.view, 9)).catch(() => undefined);
    const ended = await until(id, ({ state }) => state !== "running");
    expect(ended).toMatchObject({
      state: "failed",
      round: 3,
      detail: expect.stringMatching(/2 of the 3 participants .* round 3 .*answers/),
      gate: { verdict: "failed", reason: "broken", round: 3, fellBackTo: 2 },
    });
    expect((await rounds(id)).at(-1)).toMatchObject({ state: "aborted" });
    // All that it was decided by stands in the chain, and what it came to.
    expect((await linksOf(id)).slice(-2).map(({ link }) => link)).toMatchObject([
      {
        kind: "void",
        round: 3,
        inputs: [{ participant: third.id }],
        refusals: [
          { participant: first.id, found: "answers" },
          { participant: second.id, found: "answers" },
        ],
        decisions: { gate: ended.gate },
      },
      { kind: "rollback", round: 3, reason: "broken", to: 2 },
    ]);
    expect(await second.checkIn()).toMatchObject({ kind: "ended", state: "failed" });
    expect(await studentOf(id, 2)).toHaveLength(2);
  });

  it("[J12.6] [C3] while the campaign is paused are counted before it combines", async () => {
    const { id, volunteers } = await runningCampaign(5, { round: { goal: 2, overSelection: 2.5 } });
    const [first, second, third, ...others] = volunteers as [Volunteer, Volunteer, Volunteer];
    const at = await first.assignment();
    for (const volunteer of volunteers.slice(1)) await volunteer.assignment();
    await act(id, "pause");
    for (const volunteer of [first, second, third]) {
      expect((await refuse(volunteer, at)).status).toBe(200);
    }
    for (const other of others as Volunteer[]) {
      const slices = await other.upload(at, other.frames(updateOf(other.view, 1)));
      await (await other.sendCommit(at, slices)).body?.cancel();
    }
    expect(await report(id)).toMatchObject({
      state: "paused",
      current: { accepted: 2, refused: 3 },
    });
    expect(await act(id, "resume")).toMatchObject({
      state: "failed",
      round: 0,
      detail: expect.stringMatching(/3 of the 5 participants/),
    });
  });

  it("[J12.4] is not refused by one alone, who waits while the others go on", async () => {
    const { id, volunteers } = await runningCampaign(3, {
      round: { goal: 2, minimum: 2, overSelection: 1 },
    });
    const [liar, ...others] = volunteers as [Volunteer, Volunteer, Volunteer];
    const refused = await liar.assignment();
    expect((await refuse(liar, refused)).status).toBe(200);
    // Said twice it is one word, and its place is another's.
    expect((await refuse(liar, refused)).status).toBe(200);
    for (const volunteer of others) await volunteer.contribute(updateOf(volunteer.view, 1));
    await until(id, committed(1));
    expect((await rounds(id))[0]).toMatchObject({ state: "committed", accepted: 2, refused: 1 });
    expect(await liar.assignment()).toMatchObject({ round: 1 });
    await expectProblem(await refuse(liar, { round: 0, attempt: 0 }), 409, "stale-round");
  });

  it("[J12.6] is refused by the one who takes part alone", async () => {
    const { id, volunteers } = await afterRounds(1, 2, false);
    await checkInAndRefuse(volunteers[0]!);
    expect(await report(id)).toMatchObject({
      state: "failed",
      gate: { reason: "broken", fellBackTo: 1 },
    });
  });

  it("[J12.6] is not refused by the first who comes, before the others are there", async () => {
    const { id } = await createCampaign({ round: { goal: 4 } });
    await act(id, "start");
    const first = await Volunteer.enrol((await inviteToken(id)).token);
    await checkInAndRefuse(first);
    expect(await report(id)).toMatchObject({ state: "running" });
    await passDeadline(id);
    expect(await report(id)).toMatchObject({ state: "running" });
  });

  it("[J12.3] [R2.2] is not refused by one invite that takes one place after the other", async () => {
    const { id } = await createCampaign({ round: { goal: 3, overSelection: 1 } });
    await act(id, "start");
    const { token } = await inviteToken(id, { uses: 3, places: 1 });
    const liars: Volunteer[] = [];
    const held = [];
    for (let i = 0; i < 3; i++) liars.push(await Volunteer.enrol(token));
    const honest = await Volunteer.enrol((await inviteToken(id, { uses: 1 })).token);
    for (const liar of liars) {
      held.push(await liar.assignment());
      // Not heard of for long, so that its place is given on (R14).
      await sql(id, "UPDATE leases SET assigned_at = assigned_at - 400000");
      await sql(id, "UPDATE participants SET last_seen_at = 0");
      await evictDurableObject(control(id));
    }
    for (const [i, liar] of liars.entries()) await refuse(liar, held[i]!);
    expect((await rounds(id)).at(-1)).toMatchObject({ refused: 3 });
    await honest.contribute(updateOf(honest.view, 1));
    await passDeadline(id);
    expect(await report(id)).toMatchObject({ state: "running" });
  });

  it("[J12.7] in the first round leaves nothing to go back to", async () => {
    const { id, volunteers } = await afterRounds(2, 0);
    for (const volunteer of volunteers) await checkInAndRefuse(volunteer);
    expect(await report(id)).toMatchObject({ state: "failed", gate: { fellBackTo: null } });
  });

  it("[J12.6] is decided at the deadline by those who have answered", async () => {
    const { id, volunteers } = await afterRounds(4, 0);
    for (const volunteer of volunteers.slice(0, 2)) await checkInAndRefuse(volunteer);
    expect(await report(id)).toMatchObject({ state: "running" });
    await passDeadline(id);
    expect(await report(id)).toMatchObject({ state: "failed", gate: { reason: "broken" } });
  });

  it("[J12.2] [R10] by too few at the deadline is told where the attempt is void", async () => {
    const { id, volunteers } = await afterRounds(3, 0);
    await checkInAndRefuse(volunteers[0]!);
    await passDeadline(id);
    expect((await rounds(id))[0]).toMatchObject({
      state: "aborted",
      detail: expect.stringContaining("1 participants say that the student is broken"),
    });
  });

  it("[J12] [C3] while the campaign is paused is decided once it goes on", async () => {
    const { id, volunteers } = await afterRounds(2, 0);
    const assignments = [];
    for (const volunteer of volunteers) assignments.push(await volunteer.assignment());
    await act(id, "pause");
    for (const [i, volunteer] of volunteers.entries()) {
      expect((await refuse(volunteer, assignments[i]!)).status).toBe(200);
    }
    expect(await report(id)).toMatchObject({ state: "paused" });
    await act(id, "resume");
    await volunteers[0]!.checkIn();
    expect(await report(id)).toMatchObject({ state: "failed" });
  });

  it("[J12] [J12.1] cannot be refused without an assignment, after a commit, or in free words", async () => {
    const { volunteers } = await afterRounds(2, 0);
    const [first, second] = volunteers as [Volunteer, Volunteer];
    const at = { round: 0, attempt: 0 };
    await expectProblem(await refuse(first, at), 409, "stale-round");
    await first.contribute(updateOf(first.view, 1));
    await expectProblem(await refuse(first, at), 409, "update-conflict");
    const { round, attempt } = await second.assignment();
    for (const json of [
      { reason: "broken-student", found: "\u001b[2J" },
      { reason: "broken-student" },
      { reason: "tired", found: "loss" },
      { reason: "broken-student", found: "loss", more: 1 },
    ]) {
      const response = await refuse(second, { round, attempt }, json);
      await expectProblem(response, 400, "malformed-request");
    }
  });
});
