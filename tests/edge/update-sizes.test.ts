import { reset } from "cloudflare:test";
import { afterEach, describe, expect, it } from "vitest";
import { chainDigest, type CommittedLink } from "../../edge/campaign/chain/link.ts";
import type { UpdateReport } from "../../protocol/round/update-sizes.ts";
import {
  ADMIN,
  ask,
  committed,
  rounds,
  runningCampaign,
  until,
  type Volunteer,
} from "./coordinator.ts";
import { updateOf } from "./what-is-sent.ts";

afterEach(() => reset());

const norm = (values: Float32Array): number =>
  Math.sqrt(values.reduce((sum, value) => sum + value * value, 0));

describe("sizes of updates", () => {
  it("[R9.2] [O5] stand in the chain, in reports and in a list of their own", async () => {
    const { id, volunteers } = await runningCampaign(3, { round: { goal: 3, overSelection: 1 } });
    const updates = volunteers.map(({ view }, rank) => updateOf(view, rank, rank === 1 ? 1 : 0.01));
    for (const [rank, volunteer] of volunteers.entries()) {
      await volunteer.contribute(updates[rank]!);
    }
    await until(id, committed(1));
    const norms = updates.map(([weights]) => norm(weights!));
    const ascending = norms.toSorted((a, b) => a - b);
    const [report] = await rounds(id);
    expect(report!.updates!.smallest).toBeCloseTo(ascending[0]!, 9);
    expect(report!.updates!.median).toBeCloseTo(ascending[1]!, 9);
    expect(report!.updates!.largest).toBeCloseTo(norms[1]!, 9);

    const listed = await ask<UpdateReport[]>(`/api/v1/admin/campaigns/${id}/updates?round=0`, {
      token: ADMIN,
    });
    expect(listed.map(({ participant }) => participant)).toEqual(volunteers.map((one) => one.id));
    for (const [rank, { weight, size }] of listed.entries()) {
      expect(weight).toBe(8);
      expect(size!.norm).toBeCloseTo(norms[rank]!, 9);
      expect(size!.factor).toBeCloseTo(Math.min(1, ascending[1]! / norms[rank]!), 9);
      expect(size!.statisticsNorm).toBeGreaterThan(0);
    }
    const taken = listed.map(({ size }) => size!);
    const clipped = taken.filter((size) => Math.min(size.factor, size.statisticsFactor) < 0.999999);
    expect(report!.updates!.clipped).toBe(clipped.length);

    const { chain, link } = await ask<{ chain: string; link: CommittedLink }>(
      `/api/v1/admin/campaigns/${id}/rounds/0/chain`,
      { token: ADMIN },
    );
    expect(link.inputs.map(({ size }) => size)).toEqual(taken);
    expect(chainDigest(link)).toBe(chain);
  });

  it("[R9.2] are not there of a round that is under way", async () => {
    const { id, volunteers } = await runningCampaign(1);
    const [volunteer] = volunteers as [Volunteer];
    await volunteer.contribute(updateOf(volunteer.view, 1));
    const path = `/api/v1/admin/campaigns/${id}/updates`;
    const listed = await ask<UpdateReport[]>(path, { token: ADMIN });
    expect(listed).toMatchObject([{ participant: volunteer.id, round: 0, size: null }]);
    expect((await rounds(id))[0]!.updates).toBeNull();
    expect(await ask<UpdateReport[]>(`${path}?round=1`, { token: ADMIN })).toEqual([]);
  });
});
