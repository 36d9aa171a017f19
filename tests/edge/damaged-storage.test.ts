import { reset } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, describe, expect, it } from "vitest";
import { blobKey } from "../../edge/blobs/blob-store.ts";
import { committedLinkSchema } from "../../edge/campaign/chain/link.ts";
import type { CampaignReport } from "../../protocol/round/reports.ts";
import { ADMIN, ask, committed, runningCampaign, send, until } from "./coordinator.ts";
import { updateOf } from "./what-is-sent.ts";

afterEach(() => reset());

/** Flips one bit of the first slice of the student that came of round 0. */
async function damagedStudent(id: string): Promise<string> {
  const { link } = await ask<{ link: unknown }>(`/api/v1/admin/campaigns/${id}/rounds/0/chain`, {
    token: ADMIN,
  });
  const [digest] = committedLinkSchema.parse(link).outputs;
  const object = await env.BLOBS.get(blobKey(digest!));
  const bytes = new Uint8Array(await object!.arrayBuffer());
  bytes[bytes.length >> 1]! ^= 4;
  await env.BLOBS.put(blobKey(digest!), bytes);
  return digest!;
}

async function oneRound() {
  const { id, volunteers } = await runningCampaign(1, { round: { goal: 1 } });
  const [volunteer] = volunteers;
  await volunteer!.contribute(updateOf(volunteer!.view, 1));
  await until(id, committed(1));
  return { id, volunteer: volunteer! };
}

describe("a bit that flipped in a stored student", () => {
  it("[P4.1] is named, and nothing is combined with it", async () => {
    const { id, volunteer } = await oneRound();
    const digest = await damagedStudent(id);
    await volunteer.contribute(updateOf(volunteer.view, 2));
    const report = await until(id, (one: CampaignReport) => one.current?.detail != null);
    expect(report.current!.detail).toContain(`the blob ${digest} is damaged in storage`);
    expect(report.round).toBe(1);
  });

  it("[P4.1] is not exported: the file breaks off", async () => {
    const { id } = await oneRound();
    await damagedStudent(id);
    const response = await send(`/api/v1/admin/campaigns/${id}/export`, { token: ADMIN });
    await expect(response.arrayBuffer()).rejects.toThrow();
  });
});
