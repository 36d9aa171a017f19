import { PROTOCOL_VERSION } from "../../protocol/round/version.ts";
import { createExecutionContext, reset } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { SignJWT } from "jose";
import { afterEach, describe, expect, it } from "vitest";
import { app } from "../../edge/app.ts";
import { RequestQuota } from "../../edge/access/request-quota.ts";
import type { EnrolReply, Invite, InvitePreview } from "../../protocol/round/access.ts";
import type { CampaignMetrics, ParticipantReport } from "../../protocol/round/reports.ts";
import {
  act,
  ADMIN,
  ask,
  committed,
  createCampaign,
  expectProblem,
  inviteToken,
  report,
  rounds,
  runningCampaign,
  send,
  sql,
  until,
  Volunteer,
} from "./coordinator.ts";
import { updateOf } from "./what-is-sent.ts";

afterEach(() => reset());

const KEY = new TextEncoder().encode("signing-key-of-the-tests-32-bytes-long");

const PUBLIC_KEY = "5e".repeat(32);

function enrol(token: string, json: Record<string, unknown> = {}): Promise<Response> {
  return send("/api/v1/enrol", { method: "POST", token, json: { publicKey: PUBLIC_KEY, ...json } });
}

const sign = (key: Uint8Array, body: Record<string, string>) =>
  new SignJWT(body).setProtectedHeader({ alg: "HS256" }).sign(key);

describe("invites", () => {
  it("[A1] shows what they offer before anybody enrols", async () => {
    const { id } = await createCampaign({ codec: "int8" });
    const { token, invite } = await inviteToken(id, { uses: 2, organisation: "A clinic" });
    expect(invite).toMatchObject({ uses: 2, used: 0, revoked: false, organisation: "A clinic" });
    expect(invite.url).toMatch(new RegExp(`^http://scour.test/join/${id}#ey`));
    const preview = await ask<InvitePreview>("/api/v1/invite", { token });
    expect(preview).toMatchObject({
      campaign: id,
      state: "ready",
      organisation: "A clinic",
      codec: "int8",
      rounds: 3,
    });
    const { model } = await report(id);
    expect(preview.downloadBytes).toBe(model.bytes);
    expect(preview.inputShape).toEqual({ height: 32, width: 32, channels: 3 });
    expect(preview.updateBytes).toBeGreaterThan(model.length);
  });

  it("[A1] the list shows the same links again", async () => {
    const { id } = await createCampaign();
    const { invite } = await inviteToken(id);
    const list = await ask<Invite[]>(`/api/v1/admin/campaigns/${id}/invites`, { token: ADMIN });
    expect(list).toEqual([invite]);
  });

  it("[A1] used up, revoked and expired are told apart", async () => {
    const { id } = await createCampaign();
    const used = await inviteToken(id, { uses: 1 });
    expect((await enrol(used.token)).status).toBe(201);
    await expectProblem(await enrol(used.token), 410, "invite-exhausted");
    await expectProblem(
      await send("/api/v1/invite", { token: used.token }),
      410,
      "invite-exhausted",
    );

    const revoked = await inviteToken(id);
    const path = `/api/v1/admin/campaigns/${id}/invites/${revoked.invite.id}`;
    const reply = await ask<Invite>(path, { method: "DELETE", token: ADMIN });
    expect(reply).toMatchObject({ id: revoked.invite.id, revoked: true });
    await expectProblem(await enrol(revoked.token), 410, "invite-revoked");

    const expired = await inviteToken(id);
    await sql(id, "UPDATE invites SET expires_at = 1 WHERE id = ?", expired.invite.id);
    await expectProblem(await enrol(expired.token), 410, "invite-expired");

    const claims = { kind: "invite", campaign: id, invite: expired.invite.id };
    const past = await new SignJWT(claims)
      .setProtectedHeader({ alg: "HS256" })
      .setExpirationTime(1000)
      .sign(KEY);
    await expectProblem(await enrol(past), 410, "invite-expired");
  });

  it("[A1] of a campaign that is over", async () => {
    const { id } = await createCampaign();
    const { token } = await inviteToken(id);
    await act(id, "abort");
    await expectProblem(await enrol(token), 409, "campaign-state");
  });

  it.each([{ uses: 0 }, { uses: 1.5 }, { expiresInSeconds: 0 }, { organization: "typo" }])(
    "[A1] refuses %j",
    async (json) => {
      const { id } = await createCampaign();
      const path = `/api/v1/admin/campaigns/${id}/invites`;
      const response = await send(path, { method: "POST", token: ADMIN, json });
      await expectProblem(response, 400, "malformed-request");
    },
  );
});

describe("participants", () => {
  it("[A2.1] repeating an enrolment with its key gives the same participant and takes no use", async () => {
    const { id } = await createCampaign();
    const { token } = await inviteToken(id, { uses: 1 });
    const key = "0f".repeat(16);
    const first = await (await enrol(token, { key })).json<EnrolReply>();
    const again = await enrol(token, { key });
    expect(again.status).toBe(201);
    expect((await again.json<EnrolReply>()).participant).toBe(first.participant);
    await expectProblem(await enrol(token, { key: "f0".repeat(16) }), 410, "invite-exhausted");
    await expectProblem(await enrol(token, { key: "short" }), 400, "malformed-request");
  });

  it("[A2] enrolling gives an id, a credential and the campaign", async () => {
    const { id } = await createCampaign();
    const { token } = await inviteToken(id, { organisation: "A clinic" });
    const response = await enrol(token, { label: "third floor", backend: "webgpu" });
    const reply = await response.json<EnrolReply>();
    expect(reply.participant).toMatch(/^p-[a-z2-7]{20}$/);
    expect(reply.campaign).toMatchObject({ id, state: "ready" });
    const view = await ask("/api/v1/campaign", { token: reply.credential });
    expect(view).toEqual(reply.campaign);
    const list = await ask<ParticipantReport[]>(`/api/v1/admin/campaigns/${id}/participants`, {
      token: ADMIN,
    });
    expect(list).toMatchObject([
      {
        id: reply.participant,
        label: "third floor",
        backend: "webgpu",
        organisation: "A clinic",
        connected: true,
        revoked: false,
        updatesAccepted: 0,
      },
    ]);
  });

  it("[P7] says of itself nothing that cannot be seen", async () => {
    const { id } = await createCampaign();
    const { token } = await inviteToken(id, { uses: 2, organisation: "A\u202eclinic\u0007" });
    for (const label of ["\u001b[2Jward\n3\u200b", "\u200b\u001b[0m"]) {
      expect((await enrol(token, { label, backend: label })).status).toBe(201);
    }
    const tooLong = await enrol(token, { label: "x".repeat(121) });
    await expectProblem(tooLong, 400, "malformed-request");
    const list = await ask<ParticipantReport[]>(`/api/v1/admin/campaigns/${id}/participants`, {
      token: ADMIN,
    });
    expect(list.map(({ label, backend }) => [label, backend]).toSorted()).toEqual(
      [
        ["ward 3", "ward 3"],
        [null, null],
      ].toSorted(),
    );
    expect(new Set(list.map(({ organisation }) => organisation))).toEqual(new Set(["Aclinic"]));
  });

  it("[A3] a removed one is refused everywhere, and its update is dropped", async () => {
    const { id, volunteers } = await runningCampaign(3);
    const [removed, ...others] = volunteers as [Volunteer, Volunteer, Volunteer];
    await removed.contribute(updateOf(removed.view, 1, 100));
    const path = `/api/v1/admin/campaigns/${id}/participants/${removed.id}`;
    const gone = await ask<ParticipantReport>(path, { method: "DELETE", token: ADMIN });
    expect(gone).toMatchObject({ id: removed.id, revoked: true, updatesAccepted: 0 });
    const token = removed.credential;
    const { model } = await report(id);
    for (const [method, route] of [
      ["GET", "/api/v1/campaign"],
      ["POST", "/api/v1/check-in"],
      ["GET", "/api/v1/rounds/0/0/upload"],
      ["GET", `/api/v1/blobs/${model.digest}`],
    ] as const) {
      const body = method === "POST" ? { json: {} } : {};
      await expectProblem(
        await send(route, { method, token, ...body }),
        403,
        "participant-revoked",
      );
    }
    const frame = removed.frames(updateOf(removed.view, 1))[0]!;
    const put = await removed.putFrame({ round: 0, attempt: 0 }, 0, frame);
    await expectProblem(put, 403, "participant-revoked");
    for (const volunteer of others) await volunteer.contribute(updateOf(volunteer.view, 2));
    await until(id, committed(1));
    expect((await rounds(id))[0]).toMatchObject({ accepted: 2, assigned: 2 });
    expect((await report(id)).participants).toEqual({ enrolled: 3, connected: 2, revoked: 1 });
    const metrics = `/api/v1/admin/campaigns/${id}/metrics`;
    expect(await ask<CampaignMetrics>(metrics, { token: ADMIN })).toMatchObject({
      participantsConnected: 2,
    });
  });

  it("[A3] unknown participants and invites are 404", async () => {
    const { id } = await createCampaign();
    const base = `/api/v1/admin/campaigns/${id}`;
    for (const path of [`participants/p-${"a".repeat(20)}`, `invites/i-${"a".repeat(20)}`]) {
      const response = await send(`${base}/${path}`, { method: "DELETE", token: ADMIN });
      await expectProblem(response, 404, "not-found");
    }
  });

  it("[A4] the quota refills with time", () => {
    const quota = new RequestQuota(60);
    for (let i = 0; i < 60; i++) expect(quota.take("p", 0)).toBe(true);
    expect(quota.take("p", 0)).toBe(false);
    expect(quota.take("other", 0)).toBe(true);
    expect(quota.take("p", 1000)).toBe(true);
    expect(quota.take("p", 1000)).toBe(false);
    // A clock set back neither gives nor takes.
    expect(quota.take("p", 0)).toBe(false);
  });
});

describe("tokens", () => {
  it("[P6] each kind opens its own routes alone", async () => {
    const { id } = await createCampaign();
    const { token: invite } = await inviteToken(id);
    const { credential } = await Volunteer.enrol(invite);
    const admin = ADMIN;
    const TABLE: [string, string, string][] = [
      ["GET", "/api/v1/admin/campaigns", invite],
      ["GET", "/api/v1/admin/campaigns", credential],
      ["GET", "/api/v1/invite", admin],
      ["GET", "/api/v1/invite", credential],
      ["POST", "/api/v1/enrol", admin],
      ["POST", "/api/v1/enrol", credential],
      ["GET", "/api/v1/campaign", admin],
      ["GET", "/api/v1/campaign", invite],
      ["POST", "/api/v1/check-in", invite],
      ["GET", "/api/v1/rounds/0/0/upload", invite],
      ["PUT", "/api/v1/rounds/0/0/slices/0", invite],
      ["POST", "/api/v1/rounds/0/0/commit", admin],
      ["GET", `/api/v1/blobs/${"0".repeat(64)}`, invite],
    ];
    for (const [method, path, token] of TABLE) {
      await expectProblem(await send(path, { method, token }), 403, "forbidden");
    }
  });

  it("[P6] none, or one nobody signed, is 401", async () => {
    const { id } = await createCampaign();
    const claims = { kind: "participant", campaign: id, participant: `p-${"a".repeat(20)}` };
    const forged = await sign(new Uint8Array(32), claims);
    const stranger = await sign(KEY, claims);
    const other = await sign(KEY, { ...claims, kind: "administrator" });
    const none = `${btoa('{"alg":"none"}')}.${btoa(JSON.stringify(claims))}.`;
    for (const token of [undefined, "", "x", forged, stranger, other, none]) {
      const response = await send("/api/v1/campaign", token === undefined ? {} : { token });
      expect(response.headers.get("WWW-Authenticate")).toContain("Bearer");
      await expectProblem(response, 401, "unauthenticated");
    }
    const admin = await send("/api/v1/admin/campaigns", { token: `${ADMIN}x` });
    await expectProblem(admin, 401, "unauthenticated");
  });

  it("[P1] another protocol version is 426", async () => {
    const headers = { "Scour-Protocol": "1" };
    await expectProblem(await send("/api/v1/health", { headers }), 426, "unsupported-version");
    const right = await send("/api/v1/health", {
      headers: { "Scour-Protocol": String(PROTOCOL_VERSION) },
    });
    expect(await right.json()).toEqual({
      status: "ok",
      protocol: PROTOCOL_VERSION,
      version: "0.1.0",
    });
  });

  it.each([
    ["SCOUR_ADMIN_TOKEN", "/api/v1/admin/campaigns", undefined],
    ["SCOUR_SIGNING_KEY", "/api/v1/campaign", undefined],
    ["SCOUR_SIGNING_KEY", "/api/v1/campaign", "too short"],
  ])("without the secret %s it says how to set it", async (name, path, value) => {
    const bindings = { ...env, [name]: value };
    const request = new Request(`http://scour.test${path}`, {
      headers: { Authorization: "Bearer x" },
    });
    const response = await app.fetch(request, bindings, createExecutionContext());
    const problem = await expectProblem(response, 503, "not-configured");
    expect(problem["detail"]).toContain(`wrangler secret put ${name}`);
  });
});
