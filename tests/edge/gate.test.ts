import { abortAllDurableObjects, reset } from "cloudflare:test";
import { afterEach, describe, expect, it } from "vitest";
import { chainDigest } from "../../edge/campaign/chain/link.ts";
import { importModel } from "../../protocol/formats/import-model.ts";
import {
  act,
  ADMIN,
  committed,
  expectProblem,
  inviteToken,
  report,
  runningCampaign,
  send,
  studentOf,
  until,
  type Volunteer,
} from "./coordinator.ts";
import { scoresOf, updateOf, type Said } from "./what-is-sent.ts";
import { linkOfRound, linksOf } from "./links.ts";

afterEach(() => reset());

const ROUNDS = 3;

/** A campaign of one participant; `said` is what is said of the student of each round. */
async function trained(said: readonly Said[], disturb: () => Promise<void> = async () => {}) {
  const { id, volunteers } = await runningCampaign(1, {
    distillation: { rounds: ROUNDS },
    round: { goal: 1 },
  });
  const [volunteer] = volunteers as [Volunteer];
  for (const [round, one] of said.entries()) {
    await disturb();
    const scores = scoresOf(volunteer.view, { images: 50, perturbed: [], ...one });
    await volunteer.contribute(updateOf(volunteer.view, round), { scores });
    await until(id, committed(round + 1));
  }
  await disturb();
  return { id, volunteer };
}

const GOOD: readonly Said[] = [
  { agreement: 0.4, inherited: 0.9 },
  { agreement: 0.9, inherited: 0.1 },
  { agreement: 0.92, inherited: 0.1 },
];

/** What `campaign export` writes, as a state vector. */
async function exported(id: string, query = ""): Promise<Float32Array> {
  const response = await send(`/api/v1/admin/campaigns/${id}/export${query}`, { token: ADMIN });
  return (await importModel(new Uint8Array(await response.arrayBuffer()))).state;
}

const flat = (slices: readonly Float32Array[]): number[] => slices.flatMap((slice) => [...slice]);

describe("the end of a campaign", () => {
  it("[J11] [C2] with a student like those before it is finished, and says so", async () => {
    const { id, volunteer } = await trained(GOOD);
    await volunteer.judge({ images: 50, agreement: 0.92, inherited: 0.1 });
    const ended = await until(id, committed(ROUNDS + 1));
    expect(ended).toMatchObject({
      state: "finished",
      detail: null,
      gate: { verdict: "passed", round: ROUNDS },
    });
  });

  it.each([
    ["collapse", { agreement: 0.1, inherited: 0 }, /it has collapsed.*student of round 2/],
    ["mistakes", { agreement: 1, inherited: 0.9 }, /what was removed is back.*student of round 2/],
  ] as const)(
    "[R9.8] [C2] [J11.8] with a student lost to %s is failed, and the outcome is the last good one",
    async (reason, said, why) => {
      const { id, volunteer } = await trained(GOOD);
      await volunteer.judge({ images: 50, ...said });
      const ended = await until(id, committed(ROUNDS + 1));
      expect(ended).toMatchObject({
        state: "failed",
        detail: expect.stringMatching(why),
        gate: { verdict: "failed", reason, round: ROUNDS, fellBackTo: 2 },
      });
      const good = await studentOf(id, 2);
      expect(await studentOf(id, ROUNDS + 1)).toEqual(good);
      expect(await studentOf(id, ROUNDS)).not.toEqual(good);
      expect([...(await exported(id))]).toEqual(flat(good));
      expect([...(await exported(id, `?round=${ROUNDS}`))]).toEqual(flat(await studentOf(id, 3)));

      const { chain, link } = await linkOfRound(id, ROUNDS);
      expect(chainDigest(link)).toBe(chain);
      expect(link.decisions?.gate).toEqual(ended.gate);
      expect(link.outputs).toEqual((await linkOfRound(id, 1)).link.outputs);
      expect((await linksOf(id)).at(-1)!.link).toMatchObject({
        kind: "rollback",
        previous: chain,
        round: ROUNDS,
        reason,
        to: 2,
        student: link.outputs,
      });

      // It is over for everybody.
      expect(await volunteer.checkIn()).toMatchObject({ kind: "ended", state: "failed" });
      const { token } = await inviteToken(id);
      const json = { publicKey: volunteer.key.publicKey };
      const late = await send("/api/v1/enrol", { method: "POST", token, json });
      await expectProblem(late, 409, "campaign-state");
      for (const action of ["start", "pause", "resume", "abort"]) {
        const path = `/api/v1/admin/campaigns/${id}/${action}`;
        const response = await send(path, { method: "POST", token: ADMIN });
        await expectProblem(response, 409, "campaign-state");
      }
    },
  );

  it("[R3] [J11] fails alike when killed at every step", async () => {
    const { id, volunteer } = await trained(GOOD, () => abortAllDurableObjects());
    await volunteer.judge({ images: 50, agreement: 0.1, inherited: 0 });
    await abortAllDurableObjects();
    expect(await until(id, committed(ROUNDS + 1))).toMatchObject({ state: "failed" });
    expect(await studentOf(id, ROUNDS + 1)).toEqual(await studentOf(id, 2));
  });

  it("[J10] [J11.4] with a student that nobody could score is finished, and says that nobody judged it", async () => {
    const { id, volunteer } = await trained(GOOD);
    await volunteer.judge(null);
    expect(await until(id, committed(ROUNDS + 1))).toMatchObject({
      state: "finished",
      gate: { verdict: "unjudged", detail: expect.stringContaining("nobody judged") },
    });
  });

  it("[J9] [J11] one of three cannot fail a campaign, nor keep it from failing", async () => {
    for (const [honest, lie, state] of [
      [0.9, 0, "finished"],
      [0.1, 0.9, "failed"],
    ] as const) {
      const { id, volunteers } = await runningCampaign(3, {
        distillation: { rounds: 2 },
        round: { goal: 3, overSelection: 1 },
      });
      for (let round = 0; round < 2; round++) {
        for (const volunteer of volunteers) {
          const said = { images: 60, agreement: 0.9, inherited: 0.1, perturbed: [] };
          const scores = scoresOf(volunteer.view, said);
          await volunteer.contribute(updateOf(volunteer.view, round), { scores });
        }
        await until(id, committed(round + 1));
      }
      for (const [rank, volunteer] of volunteers.entries()) {
        const agreement = rank === 1 ? lie : honest;
        await volunteer.judge({ images: 60, agreement, inherited: 0.1 });
      }
      expect(await until(id, committed(3))).toMatchObject({ state });
    }
  });
});

describe("a student on the way", () => {
  it("[J11.6] [J11.7] that has collapsed ends the campaign at once, with the one before it", async () => {
    const { id, volunteer } = await trained([...GOOD.slice(0, 2), { agreement: 0.1 }]);
    const ended = await report(id);
    expect(ended).toMatchObject({
      state: "failed",
      round: 3,
      gate: { verdict: "failed", reason: "collapse", round: 2, fellBackTo: 1 },
    });
    expect(await studentOf(id, 3)).toEqual(await studentOf(id, 1));
    expect(await volunteer.checkIn()).toMatchObject({ kind: "ended", state: "failed" });
  });

  it("[J11.1] is not held against student₀, which was not trained", async () => {
    const { id } = await trained([{ agreement: 1, inherited: 0 }, { agreement: 0.3 }]);
    expect(await report(id)).toMatchObject({ state: "running", round: 2 });
    expect((await report(id)).gate).toBeUndefined();
    await act(id, "abort");
  });
});
