import { reset } from "cloudflare:test";
import { afterEach, expect, it } from "vitest";
import type { CampaignReport } from "../../protocol/round/reports.ts";
import {
  act,
  ADMIN,
  ask,
  committed,
  expectProblem,
  rounds,
  runningCampaign,
  send,
  sql,
  studentOf,
  until,
  type Volunteer,
} from "./coordinator.ts";
import { updateOf } from "./what-is-sent.ts";

afterEach(() => reset());

const path = (id: string, to: number): string =>
  `/api/v1/admin/campaigns/${id}/rounds/${to}/rollback`;

it("[C4] an administrator goes back to any student that was trained, and the chain says so", async () => {
  const { id, volunteers } = await runningCampaign(1, {
    round: { goal: 1 },
    distillation: { rounds: 4 },
  });
  const [volunteer] = volunteers as [Volunteer];
  const post = (to: number) => send(path(id, to), { method: "POST", token: ADMIN });
  await expectProblem(await post(1), 404, "not-found");
  for (const round of [0, 1, 2]) {
    await volunteer.contribute(updateOf(volunteer.view, round + 1));
    await until(id, committed(round + 1));
  }
  await volunteer.assignment();
  await expectProblem(await post(0), 404, "not-found");
  await expectProblem(await post(4), 404, "not-found");
  await ask<CampaignReport>(path(id, 1), { method: "POST", token: ADMIN });

  const [, , , given, opened] = await rounds(id);
  expect(given).toMatchObject({ round: 3, attempt: 0, state: "aborted" });
  expect(given!.detail).toContain("went back to the student of round 1");
  expect(opened).toMatchObject({ round: 3, attempt: 1, state: "open" });
  const links = await sql(id, "SELECT link FROM links ORDER BY position DESC LIMIT 1");
  expect(JSON.parse(String(links[0]!["link"]))).toMatchObject({
    kind: "rollback",
    round: 3,
    reason: "administrator",
    to: 1,
  });
  const at = await volunteer.assignment();
  expect(at).toMatchObject({ round: 3, attempt: 1, startStep: 6 });
  const [row] = await sql(id, "SELECT slices FROM students WHERE round = 1");
  expect(at.student).toEqual(JSON.parse(String(row!["slices"])));
  const before = await studentOf(id, 1);
  const update = updateOf(volunteer.view, 9);
  await volunteer.contribute(update);
  await until(id, committed(4));
  const after = await studentOf(id, 4);
  expect(after[0]![0]).toBeCloseTo(before[0]![0]! - update[0]![0]!, 6);

  await act(id, "abort");
  await expectProblem(await post(1), 409, "campaign-state");
});
