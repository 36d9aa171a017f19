import { evictDurableObject, reset } from "cloudflare:test";
import { afterEach, describe, expect, it } from "vitest";
import type { CheckInReply } from "../../protocol/round/assignment.ts";
import type { CampaignConfigInput } from "../../protocol/round/campaign-config.ts";
import type { ParticipantReport, Removal } from "../../protocol/round/reports.ts";
import {
  act,
  ADMIN,
  ask,
  committed,
  control,
  createCampaign,
  expectProblem,
  inviteToken,
  passDeadline,
  rounds,
  send,
  sql,
  until,
  Volunteer,
} from "./coordinator.ts";
import { updateOf } from "./what-is-sent.ts";

afterEach(() => reset());

/** A running campaign with invites of these uses and places, and who enrolled with each. */
async function invited(
  invites: readonly { readonly uses: number; readonly places?: number }[],
  changes: Partial<CampaignConfigInput> = {},
): Promise<{ id: string; groups: Volunteer[][]; tokens: string[] }> {
  const { id } = await createCampaign(changes);
  await act(id, "start");
  const tokens: string[] = [];
  const groups: Volunteer[][] = [];
  for (const request of invites) {
    const { token } = await inviteToken(id, request);
    tokens.push(token);
    const group: Volunteer[] = [];
    for (let i = 0; i < request.uses; i++) group.push(await Volunteer.enrol(token));
    groups.push(group);
  }
  return { id, groups, tokens };
}

const kindOf = (reply: CheckInReply): string =>
  reply.kind === "wait" ? `wait ${reply.reason}` : reply.kind;

/** Makes it long ago that anybody was heard of; what is known of that in memory goes. */
async function silence(id: string): Promise<void> {
  await sql(id, "UPDATE leases SET assigned_at = assigned_at - 400000");
  await sql(id, "UPDATE participants SET last_seen_at = 0");
  await evictDurableObject(control(id));
}

describe("an invite is the unit that counts", () => {
  it("[R2.1] [R2.2] its enrolments together hold one assignment, and all weigh as one", async () => {
    const { id, groups } = await invited([{ uses: 3 }, { uses: 1 }]);
    const [[first, second, third], [other]] = groups as [
      [Volunteer, Volunteer, Volunteer],
      [Volunteer],
    ];
    const at = await first.assignment();
    expect(kindOf(await second.checkIn())).toBe("wait invite-full");
    expect(kindOf(await third.checkIn())).toBe("wait invite-full");
    expect(kindOf(await first.checkIn())).toBe("assignment");
    const digests = await first.upload(at, first.frames(updateOf(first.view, 1)));
    expect((await first.sendCommit(at, digests)).ok).toBe(true);
    expect(kindOf(await second.checkIn())).toBe("wait invite-full");
    await other.contribute(updateOf(other.view, 2));
    await until(id, committed(1));
    expect((await rounds(id))[0]).toMatchObject({ accepted: 2, assigned: 2 });
  });

  it("[R2.1] it has the places that the organiser gives it, never more than uses", async () => {
    const { id, groups } = await invited([{ uses: 3, places: 2 }], { round: { goal: 3 } });
    const [first, second, third] = groups[0] as [Volunteer, Volunteer, Volunteer];
    await first.assignment();
    await second.assignment();
    expect(kindOf(await third.checkIn())).toBe("wait invite-full");
    const refused = await send(`/api/v1/admin/campaigns/${id}/invites`, {
      method: "POST",
      token: ADMIN,
      json: { uses: 2, places: 3 },
    });
    await expectProblem(refused, 400, "malformed-request");
  });

  it("[R14] what comes of a place that was given on is accepted once an invite's place", async () => {
    const { id, groups } = await invited([{ uses: 2 }, { uses: 1 }], { round: { goal: 3 } });
    const [[first, second]] = groups as [[Volunteer, Volunteer]];
    const at = await first.assignment();
    await silence(id);
    const digests = await second.upload(
      await second.assignment(),
      second.frames(updateOf(second.view, 1)),
    );
    expect(await (await second.sendCommit(at, digests)).json()).toMatchObject({
      verdict: "accepted",
    });
    const late = await first.upload(at, first.frames(updateOf(first.view, 2)));
    expect(await (await first.sendCommit(at, late)).json()).toMatchObject({
      verdict: "rejected",
      reason: "invite-full",
    });
    expect(await rounds(id)).toMatchObject([{ accepted: 1 }]);
  });
});

describe("silent places", () => {
  it("[R14] are given on, and four silent ones no longer void a round", async () => {
    const singles = Array.from({ length: 4 }, () => ({ uses: 1 }));
    const { id, groups } = await invited([...singles, ...singles], {
      round: { goal: 4, overSelection: 1 },
    });
    const [silent, honest] = [groups.slice(0, 4).flat(), groups.slice(4).flat()];
    for (const volunteer of silent) await volunteer.assignment();
    expect(kindOf(await honest[0]!.checkIn())).toBe("wait round-full");
    await silence(id);
    for (const [seed, volunteer] of honest.entries()) {
      await volunteer.contribute(updateOf(volunteer.view, seed));
    }
    await until(id, committed(1));
    expect((await rounds(id))[0]).toMatchObject({ accepted: 4, assigned: 8, attempt: 0 });
  });

  it("[R14] one that is heard of keeps its place, whatever it asks for", async () => {
    const { id, groups } = await invited([{ uses: 1 }, { uses: 1 }], {
      round: { goal: 1, overSelection: 1 },
    });
    const [[busy], [other]] = groups as [[Volunteer], [Volunteer]];
    const { round, attempt } = await busy.assignment();
    await silence(id);
    await ask(`/api/v1/rounds/${round}/${attempt}/upload`, { token: busy.credential });
    expect(kindOf(await other.checkIn())).toBe("wait round-full");
  });

  it("[R14] [E3] a ping of its socket is heard, too", async () => {
    const { id, groups } = await invited([{ uses: 1 }, { uses: 1 }], {
      round: { goal: 1, overSelection: 1 },
    });
    const [[busy], [other]] = groups as [[Volunteer], [Volunteer]];
    await busy.assignment();
    const { webSocket } = await send("/api/v1/events", {
      headers: {
        Upgrade: "websocket",
        "Sec-WebSocket-Protocol": `scour.v1, scour.bearer.${busy.credential}`,
      },
    });
    const ponged = new Promise((resolve) => webSocket!.addEventListener("message", resolve));
    webSocket!.accept();
    await silence(id);
    webSocket!.send("ping");
    await ponged;
    expect(kindOf(await other.checkIn())).toBe("wait round-full");
  });

  it("[R14] who was silent may still commit while the round wants updates", async () => {
    const { id, groups } = await invited([{ uses: 1 }, { uses: 1 }], {
      round: { goal: 2, overSelection: 1 },
    });
    const [[quiet], [other]] = groups as [[Volunteer], [Volunteer]];
    const at = await quiet.assignment();
    await silence(id);
    await other.assignment();
    const digests = await quiet.upload(at, quiet.frames(updateOf(quiet.view, 1)));
    expect((await quiet.sendCommit(at, digests)).ok).toBe(true);
    await passDeadline(id);
    await until(id, committed(1));
  });
});

describe("one that was removed", () => {
  it("[A3] does not come back by its invite, and those who joined with it stay", async () => {
    const { id, groups, tokens } = await invited([{ uses: 3 }]);
    const [, removed, stays] = groups[0] as [Volunteer, Volunteer, Volunteer];
    await sql(id, "UPDATE invites SET uses = 9");
    const key = "0a".repeat(16);
    const request = { publicKey: "5e".repeat(32), key };
    const enrol = () => send("/api/v1/enrol", { method: "POST", token: tokens[0]!, json: request });
    const known = await (await enrol()).json<{ participant: string }>();
    const path = (participant: string) =>
      `/api/v1/admin/campaigns/${id}/participants/${participant}`;
    const gone = await ask<Removal>(path(removed.id), { method: "DELETE", token: ADMIN });
    const list = await ask<ParticipantReport[]>(`/api/v1/admin/campaigns/${id}/participants`, {
      token: ADMIN,
    });
    expect(gone.closedInvite).toBe(list[0]!.invite);
    const fresh = { method: "POST", token: tokens[0]!, json: { ...request, key: "0b".repeat(16) } };
    await expectProblem(await send("/api/v1/enrol", fresh), 410, "invite-revoked");
    // A repetition of one who is still there is answered as ever (A2), and not of one who is not.
    expect((await enrol()).status).toBe(201);
    await ask(path(known.participant), { method: "DELETE", token: ADMIN });
    await expectProblem(await enrol(), 403, "participant-revoked");
    expect(kindOf(await stays.checkIn())).toBe("assignment");
  });
});

function preview(token: string): Promise<Response> {
  return send("/api/v1/invite", { token });
}

describe("an invite's requests", () => {
  it("[A4] have a quota, in which one invite does not use up another's", async () => {
    const { id } = await createCampaign();
    const { token } = await inviteToken(id);
    const answers = await Promise.all(Array.from({ length: 640 }, () => preview(token)));
    const refused = answers.filter(({ status }) => status === 429);
    expect(refused.length).toBeGreaterThan(0);
    await expectProblem(refused[0]!, 429, "quota-exceeded");
    const { token: other } = await inviteToken(id);
    expect((await preview(other)).status).toBe(200);
  });
});
