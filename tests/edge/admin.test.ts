import { createExecutionContext, reset } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, describe, expect, it } from "vitest";
import { app } from "../../edge/app.ts";
import type { CampaignMetrics, CampaignSummary } from "../../protocol/round/reports.ts";
import {
  ADMIN,
  ask,
  committed,
  createCampaign,
  expectProblem,
  report,
  runningCampaign,
  send,
  until,
} from "./coordinator.ts";
import { updateOf } from "./what-is-sent.ts";
import { tinyModel } from "./tiny-model.ts";

afterEach(() => reset());

const withPage = (status: number) => ({
  ...env,
  ASSETS: { fetch: async () => new Response("<html>", { status }) } as unknown as Fetcher,
});

describe("the administrator's view", () => {
  it("[C1] a new campaign is ready and tells what it is made of", async () => {
    const model = tinyModel();
    const { id, ...rest } = await createCampaign({ name: "first" }, model);
    expect(id).toMatch(/^c-[a-z2-7]{20}$/);
    expect(rest).toMatchObject({
      name: "first",
      state: "ready",
      round: 0,
      rounds: 3,
      current: null,
      participants: { enrolled: 0, connected: 0, revoked: 0 },
      model: {
        digest: model.digest,
        bytes: model.bytes.length,
        architecture: "resnet18-32",
        classes: 3,
        inputShape: { height: 32, width: 32, channels: 3 },
      },
    });
    expect(await report(id)).toEqual({ id, ...rest });
  });

  it("lists campaigns, oldest first", async () => {
    const first = await createCampaign({ name: "first" });
    const second = await createCampaign({ name: "second" });
    const list = await ask<CampaignSummary[]>("/api/v1/admin/campaigns", { token: ADMIN });
    const { id, name, state, round, rounds, createdAt } = first;
    expect(list).toHaveLength(2);
    expect(list).toContainEqual({ id, name, state, round, rounds, createdAt, verdict: null });
    expect(list.map((one) => one.id)).toContain(second.id);
  });

  it("a campaign that is not there is 404 on every route", async () => {
    const base = `/api/v1/admin/campaigns/c-${"a".repeat(20)}`;
    for (const [method, path] of [
      ["GET", ""],
      ["GET", "/rounds"],
      ["GET", "/rounds/0/chain"],
      ["GET", "/updates"],
      ["GET", "/metrics"],
      ["GET", "/participants"],
      ["GET", "/invites"],
      ["GET", "/export"],
      ["POST", "/start"],
    ] as const) {
      const response = await send(base + path, { method, token: ADMIN });
      await expectProblem(response, 404, "not-found");
    }
    const bad = await send("/api/v1/admin/campaigns/mine", { token: ADMIN });
    await expectProblem(bad, 400, "malformed-request");
    const action = await send(`${base}/delete`, { method: "POST", token: ADMIN });
    await expectProblem(action, 400, "malformed-request");
  });

  it("counts rounds, updates, bytes and loss", async () => {
    const { id, volunteers } = await runningCampaign(2, { name: 'a "quoted" \\ name' });
    const [first, second] = volunteers;
    await first!.contribute(updateOf(first!.view, 1), { examples: 2, loss: 1, agreement: 0.5 });
    await second!.contribute(updateOf(second!.view, 2), { examples: 6, loss: 2, agreement: 1 });
    await until(id, committed(1));
    const metrics = await ask<CampaignMetrics>(`/api/v1/admin/campaigns/${id}/metrics`, {
      token: ADMIN,
    });
    const bytes = first!.frames(updateOf(first!.view, 1)).reduce((sum, f) => sum + f.length, 0);
    expect(metrics).toMatchObject({
      campaign: { id, state: "running", round: 1 },
      roundsVoid: 0,
      updatesAccepted: 2,
      updatesRejected: 0,
      examples: 8,
      uploadedBytes: 2 * bytes,
      participantsEnrolled: 2,
      participantsConnected: 2,
      loss: 1.75,
      agreement: 0.875,
    });
    expect(metrics.peakSliceBytes).toBeGreaterThan(0);
    const response = await send("/api/v1/admin/metrics", { token: ADMIN });
    expect(response.headers.get("Content-Type")).toBe("text/plain; version=0.0.4; charset=utf-8");
    const text = await response.text();
    const labels = `campaign="${id}",name="a \\"quoted\\" \\\\ name"`;
    expect(text).toContain(`scour_updates_accepted_total{${labels}} 2\n`);
    expect(text).toContain(`scour_campaign_state{${labels},state="running"} 1\n`);
    expect(text).toContain(`scour_campaign_state{${labels},state="paused"} 0\n`);
    expect(text).toContain(`scour_distillation_loss_nats{${labels}} 1.75\n`);
    // Every line is a comment or a sample, and every family is announced once.
    for (const line of text.trimEnd().split("\n")) {
      expect(line).toMatch(/^(# (HELP|TYPE) scour_[a-z_]+ .+|scour_[a-z_]+\{.+\} -?[0-9.e+-]+)$/);
    }
    const types = text.match(/^# TYPE \S+/gm) ?? [];
    expect(new Set(types).size).toBe(types.length);
  });
});

describe("the document", () => {
  it("describes every route", async () => {
    const document = await ask<{ openapi: string; paths: Record<string, object> }>(
      "/api/v1/openapi.json",
    );
    expect(document.openapi).toBe("3.1.0");
    const listed = Object.entries(document.paths)
      .flatMap(([path, methods]) => Object.keys(methods).map((method) => `${method} ${path}`))
      .sort();
    const served = app.routes
      .filter(({ method, path }) => method !== "ALL" && path.startsWith("/api/v1/"))
      .map(({ method, path }) => `${method.toLowerCase()} ${path.replaceAll(/:(\w+)/g, "{$1}")}`)
      .filter((route) => route !== "get /api/v1/openapi.json");
    expect(listed).toEqual([...new Set(served)].sort());
    expect(listed).toHaveLength(40);
    const enrol = document.paths["/api/v1/enrol"] as { post: { responses: object } };
    expect(Object.keys(enrol.post.responses)).toEqual(
      expect.arrayContaining(["201", "400", "401", "403", "409", "410", "413"]),
    );
  });
});

describe("headers and pages", () => {
  it("every answer keeps a page to its own origin", async () => {
    for (const path of ["/api/v1/health", "/api/v1/campaign", "/api/v1/nowhere"]) {
      const { headers, body } = await send(path);
      await body?.cancel();
      const policy = headers.get("Content-Security-Policy") ?? "";
      for (const directive of [
        "default-src 'self'",
        "script-src 'self' 'wasm-unsafe-eval'",
        "worker-src 'self' blob:",
        "connect-src 'self'",
        "frame-ancestors 'none'",
        "base-uri 'none'",
        "form-action 'none'",
      ]) {
        expect(policy).toContain(directive);
      }
      expect(headers.get("Cross-Origin-Opener-Policy")).toBe("same-origin");
      expect(headers.get("Cross-Origin-Embedder-Policy")).toBe("require-corp");
      expect(headers.get("X-Content-Type-Options")).toBe("nosniff");
    }
  });

  it("[P2] a route that is not there is a problem document", async () => {
    await expectProblem(await send("/api/v1/nowhere"), 404, "not-found");
    await expectProblem(await send("/api/v2/health"), 404, "not-found");
    await expectProblem(await send("/api/v1/health", { method: "POST" }), 404, "not-found");
    await expectProblem(await send("/join", { method: "POST" }), 404, "not-found");
  });

  it("pages come from the assets, with the headers added", async () => {
    const request = new Request("http://scour.test/join/c-1");
    const found = await app.fetch(request, withPage(200), createExecutionContext());
    expect(await found.text()).toBe("<html>");
    expect(found.headers.get("Content-Security-Policy")).toContain("default-src 'self'");
    const missing = await app.fetch(request, withPage(404), createExecutionContext());
    await expectProblem(missing, 404, "not-found");
  });

  it("[P2] a failure of ours is told apart and keeps its reasons in the log", async () => {
    const broken = { ...env, DIRECTORY: undefined } as unknown as typeof env;
    const request = new Request("http://scour.test/api/v1/admin/campaigns", {
      headers: { Authorization: `Bearer ${ADMIN}` },
    });
    const response = await app.fetch(request, broken, createExecutionContext());
    const problem = await expectProblem(response, 500, "internal");
    expect(problem["detail"]).not.toContain("undefined");
  });
});
