import { reset } from "cloudflare:test";
import { afterEach, describe, expect, it } from "vitest";
import { env } from "cloudflare:workers";
import { directoryOf } from "../../edge/directory/all-campaigns.ts";
import type {
  Administrator,
  AdministratorRequestInput,
  AuditEntry,
  NamedAdministrator,
} from "../../protocol/round/administration.ts";
import { ADMIN, ask, createCampaign, send } from "./coordinator.ts";

afterEach(() => reset());

const ADMINISTRATORS = "/api/v1/admin/administrators";
const CAMPAIGNS = "/api/v1/admin/campaigns";

async function name(request: AdministratorRequestInput): Promise<NamedAdministrator> {
  const response = await send(ADMINISTRATORS, { method: "POST", token: ADMIN, json: request });
  expect(response.status).toBe(201);
  return (await response.json()) as NamedAdministrator;
}

async function statuses(token: string, campaign: string): Promise<readonly number[]> {
  const requests = [
    send(`${CAMPAIGNS}/${campaign}`, { token }),
    send(`${CAMPAIGNS}/${campaign}/start`, { method: "POST", token }),
    send(ADMINISTRATORS, { token }),
    send("/api/v1/admin/audit", { token }),
  ];
  return (await Promise.all(requests)).map(({ status }) => status);
}

async function auditLog(query = ""): Promise<AuditEntry[]> {
  return await ask<AuditEntry[]>(`/api/v1/admin/audit${query}`, { token: ADMIN });
}

const acted = (at: number) => ({ at, who: null, what: "POST /x", status: 200 });

describe("administrators", () => {
  it("[A10] may do what their role says, and the owner's token all", async () => {
    const { id } = await createCampaign();
    const reader = await name({ name: "Ada" });
    expect(reader.role).toBe("read");
    expect(await statuses(reader.token, id)).toEqual([200, 403, 403, 403]);
    const runner = await name({ name: "Ben", role: "run" });
    expect(await statuses(runner.token, id)).toEqual([200, 200, 403, 403]);
    const owner = await name({ name: "Cy", role: "own" });
    expect((await statuses(owner.token, id)).toSpliced(1, 1)).toEqual([200, 200, 200]);
  });

  it("[A10] are listed without their tokens, which are stored as hashes", async () => {
    const { token, ...ada } = await name({ name: "Ada" });
    expect(await ask<Administrator[]>(ADMINISTRATORS, { token: ADMIN })).toEqual([ada]);
    const stored = await directoryOf(env).administrators();
    expect(JSON.stringify(stored)).not.toContain(token);
  });

  it("[A10] are refused once revoked or expired, each with the reason", async () => {
    const ada = await name({ name: "Ada" });
    const revoked = await send(`${ADMINISTRATORS}/${ada.id}`, { method: "DELETE", token: ADMIN });
    expect(await revoked.json()).toMatchObject({ id: ada.id, revoked: true });
    const refusal = await send(CAMPAIGNS, { token: ada.token });
    expect(refusal.status).toBe(401);
    expect(await refusal.text()).toContain("the administrator Ada was revoked");

    const { token } = await name({ name: "Ben", expiresInSeconds: 1 });
    await expect.poll(async () => (await send(CAMPAIGNS, { token })).status).toBe(401);
    expect(await (await send(CAMPAIGNS, { token })).text()).toContain("Ben has expired");
  });

  it("[A10] who is none is told so, and nobody is revoked who is not there", async () => {
    expect((await send(CAMPAIGNS, { token: "scour_admin_aaaa" })).status).toBe(401);
    const nobody = `${ADMINISTRATORS}/a-${"a".repeat(20)}`;
    expect((await send(nobody, { method: "DELETE", token: ADMIN })).status).toBe(404);
  });

  it("[A10] their token opens no participant's route, and every blob", async () => {
    const { token } = await name({ name: "Ada" });
    expect((await send("/api/v1/campaign", { token })).status).toBe(403);
    const { digest } = await createCampaign().then(async ({ id }) => {
      const { model } = await ask<{ model: { digest: string } }>(`${CAMPAIGNS}/${id}`, { token });
      return model;
    });
    expect((await send(`/api/v1/blobs/${digest}`, { token })).status).toBe(200);
  });
});

describe("the audit log", () => {
  it("[A11] has every act with who did it and what came of it, the latest first", async () => {
    const { id } = await createCampaign();
    const { id: who, token } = await name({ name: "Ben", role: "run" });
    await statuses(token, id);
    const [denied, started, named] = (await auditLog()).filter(({ who: by }) => by !== null);
    // The reader of what administrators did is not one of its entries, whoever was refused it is none either.
    expect([denied, started].map((entry) => entry!.who!.name)).toEqual(["Ben", "owner"]);
    expect(named).toBeDefined();
    const acts = await auditLog();
    expect(acts).toContainEqual(
      expect.objectContaining({
        who: { id: who, name: "Ben" },
        what: `POST /admin/campaigns/${id}/start`,
        status: 200,
      }),
    );
    expect(acts).toContainEqual(
      expect.objectContaining({
        who: { id: "owner", name: "owner" },
        what: "POST /admin/administrators",
      }),
    );
    expect(acts.map(({ position }) => position)).toEqual(
      acts.map(({ position }) => position).toSorted((a, b) => b - a),
    );
  });

  it("[A11] notes who was not allowed to, and who took a model away", async () => {
    const { id } = await createCampaign();
    const { token } = await name({ name: "Ada" });
    await send(`${CAMPAIGNS}/${id}/abort`, { method: "POST", token });
    await send(`${CAMPAIGNS}/${id}/export?round=0`, { token });
    expect(await auditLog("?limit=2")).toMatchObject([
      { who: { name: "Ada" }, what: `GET /admin/campaigns/${id}/export`, status: 200 },
      { who: { name: "Ada" }, what: `POST /admin/campaigns/${id}/abort`, status: 403 },
    ]);
  });

  it("[A11] counts what a role does not permit: nobody pushes others' entries out", async () => {
    const { id } = await createCampaign();
    const { token } = await name({ name: "Ada" });
    for (const action of ["abort", "start", "pause"]) {
      await send(`${CAMPAIGNS}/${id}/${action}`, { method: "POST", token });
    }
    const denied = (await auditLog()).filter(({ status }) => status === 403);
    expect(denied).toMatchObject([{ who: { name: "Ada" }, count: 3 }]);
  });

  it("[A10] invites, whose links enrol, are not for those who only read", async () => {
    const { id } = await createCampaign();
    const { token } = await name({ name: "Ada" });
    expect((await send(`${CAMPAIGNS}/${id}/invites`, { token })).status).toBe(403);
    const runner = await name({ name: "Ben", role: "run" });
    expect((await send(`${CAMPAIGNS}/${id}/invites`, { token: runner.token })).status).toBe(200);
  });

  it("[A11] counts refused tokens by the hour, and keeps them out of each other's way", async () => {
    const directory = directoryOf(env);
    const hour = 3_600_000;
    await directory.auditRefusals(401, 3, 5 * hour);
    await directory.auditRefusals(401, 2, 5 * hour + 1000);
    await directory.auditRefusals(403, 1, 5 * hour + 2000);
    await directory.auditRefusals(401, 1, 6 * hour);
    expect(await directory.auditPage(1e9, 10)).toMatchObject([
      { status: 401, count: 1, who: null },
      { status: 403, count: 1 },
      { status: 401, count: 5, what: "refused" },
    ]);
  });

  it("[A11] is read page by page, and forgets what is older than it keeps", async () => {
    const directory = directoryOf(env);
    const day = 86_400_000;
    for (const at of [1, 2, 3]) await directory.audit(acted(at));
    const [first] = await directory.auditPage(1e9, 1);
    expect((await directory.auditPage(first!.position, 10)).map(({ at }) => at)).toEqual([2, 1]);
    await directory.audit(acted(401 * day));
    expect((await directory.auditPage(1e9, 10)).map(({ at }) => at)).toEqual([401 * day]);
  });
});
