import { reset } from "cloudflare:test";
import { afterEach, expect, it } from "vitest";
import type { CampaignReport } from "../../protocol/round/reports.ts";
import {
  act,
  committed,
  createCampaign,
  inviteToken,
  report,
  runningCampaign,
  until,
} from "./coordinator.ts";
import { updateOf } from "./what-is-sent.ts";

afterEach(() => reset());

const gapOf = async (id: string): Promise<CampaignReport["evidenceGap"]> =>
  (await report(id)).evidenceGap;

it("[J10] a campaign tells before it starts that its places can never give enough scorers", async () => {
  const { id, evidenceGap } = await createCampaign({
    distillation: { rounds: 4 },
    round: { goal: 4 },
  });
  expect(evidenceGap).toBeNull();
  await inviteToken(id, { uses: 5, places: 2 });
  expect((await act(id, "start")).evidenceGap).toContain("places for 2 participants");
  await inviteToken(id, { uses: 1 });
  expect(await gapOf(id)).toBeNull();
});

it("[J10] and as it goes on and at its end that nothing judged it", async () => {
  const distillation = { rounds: 1 };
  const { id, volunteers } = await runningCampaign(3, { distillation, round: { goal: 3 } });
  expect(await gapOf(id)).toContain("1 round of training is too few");
  for (const volunteer of volunteers) await volunteer.contribute(updateOf(volunteer.view, 1));
  await until(id, committed(1));
  expect(await gapOf(id)).toContain("no evidence so far: nobody scores, 3 are needed");
  for (const volunteer of volunteers) {
    const response = await volunteer.sendScores(await volunteer.assignment(), null);
    expect(response.status).toBe(200);
    await response.body?.cancel();
  }
  const { evidenceGap, state } = await until(id, committed(2));
  expect(state).toBe("finished");
  expect(evidenceGap).toContain("nothing judged this result: nobody scored a round");
});
