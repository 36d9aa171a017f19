import { reset } from "cloudflare:test";
import { afterEach, describe, expect, it } from "vitest";
import type { CommittedLink } from "../../edge/campaign/chain/link.ts";
import type { UpdateReport } from "../../protocol/round/update-sizes.ts";
import { ADMIN, ask, committed, runningCampaign, studentOf, until } from "./coordinator.ts";
import { updateOf } from "./what-is-sent.ts";

afterEach(() => reset());

function lengthOf(values: Float32Array): number {
  return Math.sqrt(values.reduce((sum, value) => sum + value * value, 0));
}

async function linkOf(id: string, round: number): Promise<CommittedLink> {
  const path = `/api/v1/admin/campaigns/${id}/rounds/${round}/chain`;
  return (await ask<{ link: CommittedLink }>(path, { token: ADMIN })).link;
}

describe("campaigns by a robust rule", () => {
  it("[O7.2] [O9.4] leave out who is far from most, and the chain says by which rule", async () => {
    const { id, volunteers } = await runningCampaign(5, {
      codec: "f32",
      round: { goal: 5, overSelection: 1 },
      aggregation: { rule: { kind: "multi-krum" }, hostile: 1 },
    });
    const updates = volunteers.map(({ view }, i) => updateOf(view, 7 + (i === 4 ? 1 : 0)));
    for (const [i, update] of updates.entries()) {
      // Four alike but for a little, and one that points elsewhere.
      if (i < 4) update[0]![0]! += 1e-4 * i;
      await volunteers[i]!.contribute(update);
    }
    const before = await studentOf(id, 0);
    await until(id, committed(1));
    const listed = await ask<UpdateReport[]>(`/api/v1/admin/campaigns/${id}/updates?round=0`, {
      token: ADMIN,
    });
    const takenOf = (who: string) => listed.find((one) => one.participant === who)!.size!.factor;
    expect(volunteers.map((volunteer) => takenOf(volunteer.id))).toEqual([1, 1, 1, 1, 0]);
    expect((await linkOf(id, 0)).rule).toBe("multi-krum");
    const after = await studentOf(id, 1);
    expect(before[0]![1]! - after[0]![1]!).toBeCloseTo(updates[0]![0]![1]!, 5);
  });

  it("[O7.4] centred clipping goes on from the student's last step", async () => {
    const { id, volunteers } = await runningCampaign(3, {
      codec: "f32",
      round: { goal: 3, overSelection: 1 },
      aggregation: { rule: { kind: "centred-clipping", radius: 0.01, iterations: 1 } },
    });
    for (const round of [0, 1]) {
      for (const volunteer of volunteers) {
        await volunteer.contribute(updateOf(volunteer.view, 3, 1));
      }
      await until(id, committed(round + 1));
    }
    const [before, between, after] = await Promise.all(
      [0, 1, 2].map(async (round) => (await studentOf(id, round))[0]!),
    );
    const first = before!.map((value, i) => value - between![i]!);
    const second = between!.map((value, i) => value - after![i]!);
    // All far off on one side: a step is the radius from where it begins, and the second begins at the first.
    expect(lengthOf(first)).toBeCloseTo(0.01, 5);
    expect(lengthOf(second)).toBeCloseTo(0.02, 5);
  });

  it("[O9.2] [O9.4] step down where too few came, and say so", async () => {
    const { id, volunteers } = await runningCampaign(2, {
      round: { goal: 2, overSelection: 1 },
      aggregation: { rule: { kind: "krum" } },
    });
    for (const volunteer of volunteers) await volunteer.contribute(updateOf(volunteer.view, 1));
    await until(id, committed(1));
    expect((await linkOf(id, 0)).rule).toBe("earlier-clipped-mean");
  });
});
