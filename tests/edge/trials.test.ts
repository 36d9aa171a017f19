import { abortAllDurableObjects, reset, runDurableObjectAlarm } from "cloudflare:test";
import { afterEach, describe, expect, it } from "vitest";
import type { CommittedLink } from "../../edge/campaign/chain/link.ts";
import type { TrialAssignment } from "../../protocol/round/assignment.ts";
import type { CampaignConfigInput } from "../../protocol/round/campaign-config.ts";
import type { Examination, VoteRequest } from "../../protocol/round/trial/examination.ts";
import { voteBytes, voteDigest } from "../../protocol/round/signing.ts";
import {
  act,
  ADMIN,
  ask,
  committed,
  control,
  eventually,
  expectProblem,
  rounds,
  runningCampaign,
  send,
  sql,
  studentOf,
  until,
  type Volunteer,
} from "./coordinator.ts";
import { scoresOf, updateOf } from "./what-is-sent.ts";

afterEach(() => reset());

const CONFIG: Partial<CampaignConfigInput> = {
  trial: {},
  round: { goal: 5, overSelection: 1 },
  distillation: { rounds: 4 },
  // With the teacher for student₀ its first round is tried against nothing (K5).
  reinit: { strength: 1, seed: "cd".repeat(32) },
};

/** A student as a voter sees it, on ten images. */
function seen(agreement: number, followed: number): Examination {
  return {
    images: 10,
    loss: 0.2,
    agreement,
    transfer: { class: 0, reach: 1, moved: 10, followed },
    shortcuts: { moved: 10, followed },
    bends: { moved: 0, followed: 0 },
    copies: { looked: 20, kept: 18 },
  };
}

const GOOD = seen(0.9, 0);
const SPOILT = seen(0.4, 9);

async function asked(volunteer: Volunteer): Promise<TrialAssignment> {
  const reply = await volunteer.checkIn();
  if (reply.kind !== "trial") throw new Error(`got ${JSON.stringify(reply)}`);
  return reply;
}

async function vote(
  volunteer: Volunteer,
  { attempt, candidate, round }: Pick<TrialAssignment, "attempt" | "candidate" | "round">,
  comparison: VoteRequest["comparison"],
): Promise<Response> {
  const request = { candidate, comparison, seconds: 1, backend: "none" };
  const { id: participant, view } = volunteer;
  const signed = { campaign: view.id, participant, round, attempt, vote: voteDigest(request) };
  const signature = await volunteer.key.sign(voteBytes(signed));
  return await send(`/api/v1/rounds/${round}/${attempt}/vote`, {
    method: "POST",
    token: volunteer.credential,
    json: { ...request, signature },
  });
}

/** All contribute to the round at hand; then the candidate is there. */
async function contributeAll(id: string, volunteers: readonly Volunteer[]): Promise<void> {
  for (const [rank, volunteer] of volunteers.entries()) {
    await volunteer.contribute(updateOf(volunteer.view, rank + 1), {
      scores: scoresOf(volunteer.view, { perturbed: [] }),
    });
  }
  await until(id, ({ current }) => current?.state !== "combining");
}

/** Parties whose updates the candidate at hand leaves out. */
async function leftOut(id: string): Promise<string[]> {
  const [row] = await sql(
    id,
    "SELECT left_out FROM trials ORDER BY round DESC, attempt DESC, candidate DESC LIMIT 1",
  );
  return JSON.parse(String(row?.["left_out"])) as string[];
}

/** Votes until the round is committed: a candidate with the spoiler's update is spoilt. */
async function tryRound(
  id: string,
  volunteers: readonly Volunteer[],
  spoiler: string | undefined,
  disturb: () => Promise<void> = async () => undefined,
): Promise<void> {
  const { attempt, round } = (await rounds(id)).at(-1)!;
  for (let candidate = 0; ; candidate++) {
    const isThere = await eventually(async () => {
      const [latest] = (await rounds(id)).slice(-1);
      const isNext = latest!.state === "trying" && latest!.trial!.candidates === candidate + 1;
      const isSame = latest!.round === round && latest!.attempt === attempt;
      if (isSame && !isNext) throw new Error(JSON.stringify(latest));
      return isNext;
    });
    if (!isThere) return;
    const isSpoilt = spoiler !== undefined && !(await leftOut(id)).includes(spoiler);
    for (const volunteer of volunteers) {
      const at = await asked(volunteer);
      expect(at.candidate).toBe(candidate);
      await disturb();
      const words = { candidate: isSpoilt ? SPOILT : GOOD, last: GOOD };
      const first = await vote(volunteer, at, words);
      expect(first.status).toBe(200);
      await first.body?.cancel();
      await disturb();
    }
  }
}

async function linkOf(id: string, round: number): Promise<CommittedLink> {
  const path = `/api/v1/admin/campaigns/${id}/rounds/${round}/chain`;
  return (await ask<{ link: CommittedLink }>(path, { token: ADMIN })).link;
}

/** A round of three that is tried, with a disturbance before and after every vote; the student that comes out. */
async function triedStudent(disturb: () => Promise<void>): Promise<Float32Array[]> {
  const { id, volunteers } = await runningCampaign(3, {
    ...CONFIG,
    round: { goal: 3, overSelection: 1 },
  });
  await contributeAll(id, volunteers);
  await tryRound(id, volunteers, undefined, disturb);
  await until(id, committed(1));
  return await studentOf(id, 1);
}

describe("what a round came to", () => {
  it("[K1] [K3] [K3.3] [K3.4] [K10] is tried by those whose updates are in it, and is what it would have been", async () => {
    const plain = await runningCampaign(5, { ...CONFIG, trial: null });
    await contributeAll(plain.id, plain.volunteers);
    await until(plain.id, committed(1));

    const { id, volunteers } = await runningCampaign(5, CONFIG);
    await contributeAll(id, volunteers);
    const [first] = volunteers as [Volunteer];
    const at = await asked(first);
    expect(at).toMatchObject({ kind: "trial", round: 0, attempt: 0, candidate: 0 });
    const blob = await send(`/api/v1/blobs/${at.student[0]}`, { token: first.credential });
    expect(blob.status).toBe(200);
    await blob.body?.cancel();
    // Nothing else is to be had of the round meanwhile.
    await expectProblem(await first.sendCommit(at, []), 409, "update-conflict");
    await expectProblem(await vote(first, { ...at, candidate: 1 }, null), 409, "stale-round");
    const bad = { candidate: { ...GOOD, images: 1e6 }, last: GOOD };
    await expectProblem(await vote(first, at, bad), 400, "malformed-request");
    const mistaken = { ...GOOD, transfer: { ...GOOD.transfer, moved: GOOD.images + 1 } };
    const boasted = { candidate: mistaken, last: mistaken };
    await expectProblem(await vote(first, at, boasted), 400, "malformed-request");
    const others = { candidate: GOOD, last: { ...GOOD, bends: { moved: 3, followed: 0 } } };
    await expectProblem(await vote(first, at, others), 400, "malformed-request");

    await tryRound(id, volunteers, undefined);
    await until(id, committed(1));
    expect(await studentOf(id, 1)).toEqual(await studentOf(plain.id, 1));
    const { inputs, trial } = await linkOf(id, 0);
    expect(inputs.every(({ size }) => size !== undefined)).toBe(true);
    expect(trial).toMatchObject({ chosen: 0, reason: "good", doubts: [] });
    expect(trial!.candidates[0]!.votes).toHaveLength(5);
    expect(trial!.candidates[0]!.votes[0]!.signature).toBeDefined();
    expect((await linkOf(plain.id, 0)).trial).toBeUndefined();
    await expectProblem(
      await vote(first, at, { candidate: SPOILT, last: GOOD }),
      409,
      "update-conflict",
    );
  });

  it("[K6] [K8] [K9] is made without whom it is better without, who is told, and goes on without after two rounds", async () => {
    const { id, volunteers } = await runningCampaign(5, CONFIG);
    const spoiler = volunteers[3]!;
    const [other] = volunteers as [Volunteer];
    for (const round of [0, 1]) {
      await contributeAll(id, volunteers);
      await tryRound(id, volunteers, spoiler.id);
      const { inputs, trial } = await linkOf(id, round);
      expect(trial).toMatchObject({ reason: "better-without" });
      expect(trial!.candidates[trial!.chosen]!.leftOut).toEqual([spoiler.id]);
      const without = inputs.filter(({ size }) => size === undefined);
      expect(without.map(({ participant }) => participant)).toEqual([spoiler.id]);
    }
    expect((await spoiler.assignment()).notice).toContain("left out until round 6");
    expect((await other.assignment()).notice).toBeUndefined();
    await contributeAll(id, volunteers);
    await tryRound(id, volunteers, spoiler.id);
    expect((await linkOf(id, 2)).trial).toMatchObject({ reason: "good", chosen: 0 });
    const people = await ask<{ id: string; standing: unknown }[]>(
      `/api/v1/admin/campaigns/${id}/participants`,
      { token: ADMIN },
    );
    expect(people.find((one) => one.id === spoiler.id)!.standing).toEqual({
      kind: "quarantined",
      until: 5,
    });
  });

  it("[K4] waits for nobody beyond a quarter of the deadline, and says that it is untried", async () => {
    const { id, volunteers } = await runningCampaign(5, CONFIG);
    await contributeAll(id, volunteers);
    for (const volunteer of volunteers.slice(0, 2)) {
      await (
        await vote(volunteer, await asked(volunteer), { candidate: SPOILT, last: GOOD })
      ).body?.cancel();
    }
    await act(id, "pause");
    expect(await volunteers[3]!.checkIn()).toMatchObject({ kind: "wait", reason: "paused" });
    await act(id, "resume");
    await sql(id, "UPDATE attempts SET deadline = 1 WHERE state = 'trying'");
    await runDurableObjectAlarm(control(id));
    await until(id, committed(1));
    expect((await linkOf(id, 0)).trial).toMatchObject({ chosen: 0, reason: "untried" });
  });

  it("[K6.5] is given up where every student that could be made of it is lost", async () => {
    const { id, volunteers } = await runningCampaign(5, CONFIG);
    await contributeAll(id, volunteers);
    // As if everybody spoilt it.
    await tryRound(id, volunteers, "p-nobody");
    const [first] = await rounds(id);
    expect(first).toMatchObject({ state: "aborted" });
    expect(first!.detail).toContain("worse than the one before");
  });

  it("[K2] [R3] is tried to the same end whenever a coordinator is killed", async () => {
    const expected = await triedStudent(async () => undefined);
    expect(await triedStudent(() => abortAllDurableObjects())).toEqual(expected);
  });
});
