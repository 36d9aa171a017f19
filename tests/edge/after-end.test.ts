import { reset } from "cloudflare:test";
import { afterEach, describe, expect, it } from "vitest";
import type { CampaignConfigInput } from "../../protocol/round/campaign-config.ts";
import type { Outcome, Receipt } from "../../protocol/round/after-end.ts";
import { importModel } from "../../protocol/formats/import-model.ts";
import {
  act,
  ask,
  committed,
  expectProblem,
  rounds,
  runningCampaign,
  send,
  sql,
  until,
  type Volunteer,
} from "./coordinator.ts";
import { updateOf } from "./what-is-sent.ts";

afterEach(() => reset());

/** A finished campaign of one participant and one training round. */
async function finished(
  changes: Partial<CampaignConfigInput> = {},
): Promise<{ id: string; person: Volunteer }> {
  const { id, volunteers } = await runningCampaign(1, {
    distillation: { rounds: 1, localSteps: 2, batchSize: 4 },
    round: { goal: 1 },
    ...changes,
  });
  const [person] = volunteers as [Volunteer];
  await person.contribute(updateOf(person.view, 1));
  await until(id, committed(1));
  await person.judge();
  await until(id, committed(2));
  return { id, person };
}

const get = (path: string, { credential }: Volunteer) =>
  send(`/api/v1${path}`, { token: credential });

describe("after a campaign's end a credential opens", () => {
  it("[A8] the outcome", async () => {
    const { id, person } = await finished();
    const outcome = await ask<Outcome>("/api/v1/outcome", { token: person.credential });
    expect(outcome).toMatchObject({
      campaign: id,
      state: "finished",
      detail: null,
      round: 2,
      rounds: 2,
      choice: null,
      alarm: null,
      stopped: null,
      evidenceGap: expect.stringContaining("the regrowth alarm had 0 rounds to look at"),
      result: null,
    });
    expect(outcome.openUntil - outcome.endedAt).toBe(30 * 86_400_000);
    expect(Math.abs(outcome.endedAt - Date.now())).toBeLessThan(600_000);
  });

  it("[A8] one's own receipt, which names what the chain holds", async () => {
    const { id, person } = await finished();
    const receipt = await ask<Receipt>("/api/v1/receipt", { token: person.credential });
    const chains = (await rounds(id)).map(({ chain }) => chain);
    expect(receipt).toMatchObject({
      campaign: id,
      participant: person.id,
      commits: [
        { round: 0, attempt: 0, counted: true, accepted: true, weight: 8, chain: chains[0] },
        { round: 1, attempt: 0, counted: true, accepted: true, weight: 0, chain: chains[1] },
      ],
    });
    expect(receipt.commits[0]!.slices).toHaveLength(person.view.sliceLengths.length);
    expect(receipt.commits[0]!.signature).toMatch(/^[0-9a-f]{128}$/);
  });

  it("[A8] nothing else: no view, no teacher, no student, no socket, and a check-in says it ended", async () => {
    const { person } = await finished();
    const { model, starts } = person.view;
    for (const path of [
      "/campaign",
      `/blobs/${model.digest}`,
      `/blobs/${starts[0]!.initialStudent[0]}`,
    ]) {
      const problem = await expectProblem(await get(path, person), 410, "campaign-ended");
      expect(problem).toMatchObject({ state: "finished" });
    }
    await expectProblem(await get("/result", person), 403, "forbidden");
    await expectProblem(await get("/rounds/1/0/upload", person), 409, "stale-round");
    const socket = await send("/api/v1/events", {
      headers: {
        Upgrade: "websocket",
        "Sec-WebSocket-Protocol": `scour.v1, scour.bearer.${person.credential}`,
      },
    });
    await expectProblem(socket, 410, "campaign-ended");
    expect(await person.checkIn()).toEqual({
      kind: "ended",
      state: "finished",
      detail: null,
      round: 2,
    });
    expect((await person.renew()).status).toBe(200);
  });

  it("[A9] the cleansed model, where the organiser shares it", async () => {
    const { person } = await finished({ shareResult: true });
    const { result } = await ask<Outcome>("/api/v1/outcome", { token: person.credential });
    for (const digest of result!.slices) {
      expect((await get(`/blobs/${digest}`, person)).status).toBe(200);
    }
    const file = await (await get("/result", person)).arrayBuffer();
    expect((await importModel(new Uint8Array(file))).graph.classes).toBe(person.view.model.classes);
    const { digest } = person.view.model;
    await expectProblem(await get(`/blobs/${digest}`, person), 410, "campaign-ended");
  });

  it("[A9] no model of a campaign that was aborted", async () => {
    const { id, volunteers } = await runningCampaign(1, { shareResult: true });
    const [person] = volunteers as [Volunteer];
    await expectProblem(await get("/outcome", person), 409, "campaign-state");
    await expectProblem(await get("/receipt", person), 409, "campaign-state");
    await expectProblem(await get("/result", person), 409, "campaign-state");
    await act(id, "abort");
    const outcome = await ask<Outcome>("/api/v1/outcome", { token: person.credential });
    expect(outcome).toMatchObject({ state: "aborted", result: null });
    await expectProblem(await get("/result", person), 403, "forbidden");
  });

  it("[A8] nothing at all after 30 days", async () => {
    const { id, person } = await finished({ shareResult: true });
    await sql(id, "UPDATE campaign SET ended_at = ended_at - ?", 30 * 86_400_000 + 60_000);
    for (const path of ["/outcome", "/receipt", "/result", "/campaign"]) {
      await expectProblem(await get(path, person), 410, "campaign-ended");
    }
    await expectProblem(await person.renew(), 410, "campaign-ended");
  });
});
