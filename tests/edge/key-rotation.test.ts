import { createExecutionContext } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import { signToken } from "../../edge/access/tokens.ts";
import { app } from "../../edge/app.ts";
import { formatPrevious } from "../../protocol/secrets.ts";
import { ADMIN, createCampaign, expectProblem, inviteToken } from "./coordinator.ts";

const NEW_TOKEN = "another-admin-token-of-the-tests";
const NEW_KEY = "another-signing-key-of-the-tests-32-bytes";
const HOUR_MS = 3_600_000;

/** The Worker as it is after its secrets were replaced; the old ones hold until `until`. */
function afterRotation(until: number) {
  const bindings = {
    ...env,
    SCOUR_ADMIN_TOKEN: NEW_TOKEN,
    SCOUR_SIGNING_KEY: NEW_KEY,
    SCOUR_ADMIN_TOKEN_PREVIOUS: formatPrevious({ secret: ADMIN, until }),
    SCOUR_SIGNING_KEY_PREVIOUS: formatPrevious({ secret: env.SCOUR_SIGNING_KEY ?? "", until }),
  };
  return async (path: string, token: string, method = "GET"): Promise<Response> =>
    await app.fetch(
      new Request(`http://scour.test/api/v1${path}`, {
        method,
        headers: { Authorization: `Bearer ${token}`, "Content-Type": "application/json" },
        ...(method === "POST" && { body: "{}" }),
      }),
      bindings,
      createExecutionContext(),
    );
}

describe("replaced secrets", () => {
  it("[P7] hold beside the new ones until their time ends", async () => {
    const { id } = await createCampaign();
    const { token } = await inviteToken(id);
    const during = afterRotation(Date.now() + HOUR_MS);
    const after = afterRotation(Date.now() - 1);
    for (const admin of [ADMIN, NEW_TOKEN]) {
      expect((await during("/admin/campaigns", admin)).status).toBe(200);
    }
    expect((await during("/invite", token)).status).toBe(200);

    expect((await after("/admin/campaigns", NEW_TOKEN)).status).toBe(200);
    await expectProblem(await after("/admin/campaigns", ADMIN), 401, "unauthenticated");
    await expectProblem(await after("/invite", token), 401, "unauthenticated");
  });

  it("[P7] sign nothing new", async () => {
    const { id } = await createCampaign();
    const during = afterRotation(Date.now() + HOUR_MS);
    const made = await during(`/admin/campaigns/${id}/invites`, NEW_TOKEN, "POST");
    expect(made.status).toBe(201);
    const { url } = await made.json<{ url: string }>();
    const token = new URL(url).hash.slice(1);
    // Holds where the old key does not.
    const after = afterRotation(Date.now() - 1);
    expect((await after("/invite", token)).status).toBe(200);
  });

  it("[P7] an expired token of the old key is told apart from a forged one", async () => {
    const during = afterRotation(Date.now() + HOUR_MS);
    const claims = {
      kind: "invite",
      campaign: `c-${"a".repeat(20)}`,
      invite: `i-${"a".repeat(20)}`,
    } as const;
    const past = Date.now() - HOUR_MS;
    const sign = (key: string) =>
      signToken(new TextEncoder().encode(key), claims, past - HOUR_MS, past);
    const old = await sign(env.SCOUR_SIGNING_KEY ?? "");
    await expectProblem(await during("/invite", old), 410, "invite-expired");
    const forged = await sign("x".repeat(40));
    await expectProblem(await during("/invite", forged), 401, "unauthenticated");
  });

  it("[P7] without an end of their time are refused, naming the secret", async () => {
    const bindings = { ...env, SCOUR_ADMIN_TOKEN_PREVIOUS: "no-moment-before-it" };
    const response = await app.fetch(
      new Request("http://scour.test/api/v1/admin/campaigns", {
        headers: { Authorization: `Bearer ${ADMIN}` },
      }),
      bindings,
      createExecutionContext(),
    );
    const problem = await expectProblem(response, 503, "not-configured");
    expect(problem["detail"]).toContain("SCOUR_ADMIN_TOKEN_PREVIOUS");
  });
});
