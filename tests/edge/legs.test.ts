import { abortAllDurableObjects, reset } from "cloudflare:test";
import { afterEach, describe, expect, it } from "vitest";
import {
  type CommittedLink,
  chainDigest,
  configurationDigest,
} from "../../edge/campaign/chain/link.ts";
import type { CampaignConfigInput } from "../../protocol/round/campaign-config.ts";
import {
  chooseCandidate,
  regrowthAlarm,
  settled,
  watchedRound,
} from "../../protocol/round/decisions.ts";
import { judgeLast, scoredStudent } from "../../protocol/round/gate.ts";
import { summariseScores } from "../../protocol/round/score-summary.ts";
import { placeOf } from "../../protocol/round/timeline.ts";
import {
  act,
  ADMIN,
  ask,
  committed,
  report,
  rounds,
  runningCampaign,
  send,
  sql,
  studentOf,
  until,
  type Volunteer,
} from "./coordinator.ts";
import { train } from "./train-alone.ts";
import { scoresOf, updateOf } from "./what-is-sent.ts";
import { linksOf, linksOfRounds } from "./links.ts";

afterEach(() => reset());

const AUTO: Partial<CampaignConfigInput> = {
  reinit: { strength: "auto", seed: "cd".repeat(32) },
  probes: { strengths: [0, 2], rounds: 1 },
  distillation: { rounds: 2 },
  aggregation: { server: { kind: "adam" } },
  round: { goal: 1 },
};

/** Both probes, the second of which comes out better. */
async function probed(disturb: () => Promise<void> = async () => undefined) {
  const { id, volunteers } = await runningCampaign(1, AUTO);
  const [volunteer] = volunteers as [Volunteer];
  for (const [probe, inherited] of [0.8, 0.4].entries()) {
    await disturb();
    await train(id, volunteer, 2 * probe, { inherited: 0.5 });
    await disturb();
    await volunteer.judge({ agreement: 0.9, inherited, perturbed: [0.9, 0.5, 0.1] });
    await disturb();
    await until(id, committed(2 * probe + 2));
  }
  return { id, volunteer };
}

/** Kind and candidate, of a leg that has one. */
function placeOfLeg(leg: CommittedLink["leg"]) {
  if (leg === undefined || leg.kind === "statistics") throw new Error("no leg of a student");
  return [leg.kind, leg.candidate] as const;
}

describe("strength auto", () => {
  it("[J4.1] starts every leg from its own student₀, with schedules and moments of its own", async () => {
    const { id, volunteer } = await probed();
    const { starts } = volunteer.view;
    expect(starts.map(({ strength }) => strength)).toEqual([0, 2]);
    expect(starts[0]!.initialStudent).not.toEqual(starts[1]!.initialStudent);
    await train(id, volunteer, 4, { inherited: 0.5 });
    await train(id, volunteer, 5, { inherited: 0.5 });
    const links = (await linksOfRounds(id, 6)).map(({ link }) => link);
    expect(links.map(({ leg, judging }) => [...placeOfLeg(leg), judging])).toEqual([
      ["probe", 0, false],
      ["probe", 0, true],
      ["probe", 1, false],
      ["probe", 1, true],
      ["main", 1, false],
      ["main", 1, false],
    ]);
    expect(links.map(({ student }) => student)).toEqual([
      starts[0]!.initialStudent,
      links[0]!.outputs,
      starts[1]!.initialStudent,
      links[2]!.outputs,
      starts[1]!.initialStudent,
      links[4]!.outputs,
    ]);
    // The same start, update and fresh moments, so the same student as in its probe.
    const again = await runningCampaign(1, AUTO);
    const [other] = again.volunteers as [Volunteer];
    await train(again.id, other, 0, { inherited: 0.5 });
    await other.judge({ perturbed: [1, 0.9, 0.8] });
    await until(again.id, committed(2));
    const at = await other.assignment();
    expect(at).toMatchObject({ round: 2, startStep: 0, totalSteps: 2, localSteps: 2 });
    const slices = await other.upload(at, other.frames(updateOf(other.view, 4)));
    await (await other.sendCommit(at, slices)).body?.cancel();
    await until(again.id, committed(3));
    expect(await studentOf(again.id, 3)).toEqual(await studentOf(id, 5));
    expect(await volunteer.assignment()).toMatchObject({ localSteps: 0, leg: { roundOfLeg: 2 } });
  });

  it("[J5] chooses by the probes' judging rounds, shows the curve, and says what it chose", async () => {
    const { id, volunteer } = await probed();
    const latest = await report(id);
    expect(latest).toMatchObject({
      rounds: 7,
      choice: { candidate: 1, strength: 2, values: [expect.closeTo(0.1), expect.closeTo(0.5)] },
      alarm: null,
      stopped: null,
      current: { round: 4, leg: { kind: "main", candidate: 1, roundOfLeg: 0 } },
    });
    expect(latest.starts.map(({ scores }) => scores?.transfer)).toEqual([
      { moved: 10, followed: 8, classes: [{ class: 0, participants: 1 }] },
      { moved: 10, followed: 4, classes: [{ class: 0, participants: 1 }] },
    ]);
    expect(await volunteer.assignment()).toMatchObject({
      student: volunteer.view.starts[1]!.initialStudent,
      startStep: 0,
      totalSteps: 4,
    });
  });

  it("[R3] chooses the same when killed at every step", async () => {
    const { id } = await probed(() => abortAllDurableObjects());
    const latest = await report(id);
    expect(latest.choice).toMatchObject({ candidate: 1 });
    expect(latest.current).toMatchObject({ round: 4, state: "open" });
    expect(await rounds(id)).toHaveLength(5);
  });

  it("[J3.4] [J10] a probe that nobody could score is void, and says what is needed", async () => {
    const { id, volunteers } = await runningCampaign(1, {
      ...AUTO,
      round: { goal: 1, maxAttempts: 1 },
    });
    const [volunteer] = volunteers as [Volunteer];
    await train(id, volunteer, 0, { inherited: 0.5 });
    await volunteer.judge(null);
    const paused = await until(id, ({ state }) => state === "paused");
    expect(paused.detail).toMatch(/0 of 1 participants could score .* at least 40 images/);
    expect(paused.current).toMatchObject({ round: 1, attempt: 1 });
  });
});

/** At the first probe's judging round, everybody enrolled. */
async function atProbeJudging(goal: number, count: number) {
  const round = { goal, maxAttempts: 1 };
  const { id, volunteers } = await runningCampaign(count, { ...AUTO, round });
  for (const volunteer of volunteers.slice(0, goal)) {
    await volunteer.contribute(updateOf(volunteer.view, 0));
  }
  await until(id, committed(1));
  return { id, volunteers };
}

describe("a probe's judging round where not everybody can score", () => {
  const SAID = { agreement: 0.9, inherited: 0.5, perturbed: [0.9, 0.5, 0.1] };

  it("[J3.4] those who cannot are done first, and take nobody's place", async () => {
    const { id, volunteers } = await atProbeJudging(4, 8);
    const [unable, able] = [volunteers.slice(0, 5), volunteers.slice(5)];
    const verdicts = [];
    for (const volunteer of unable) verdicts.push((await volunteer.judge(null)).verdict);
    expect(verdicts).toEqual([...Array.from({ length: 4 }, () => "accepted"), "rejected"]);
    expect((await report(id)).current).toMatchObject({ round: 1, state: "collecting" });
    for (const volunteer of able) await volunteer.judge(SAID);
    await until(id, committed(2));
    const judged = (await rounds(id))[1]!;
    expect(judged).toMatchObject({ attempt: 0, scores: { participants: 3 } });
  });

  it("[J3.4] ends at the goal where enough have scored", async () => {
    const { id, volunteers } = await atProbeJudging(4, 5);
    for (const [i, volunteer] of volunteers.slice(0, 4).entries()) {
      await volunteer.judge(i === 0 ? null : SAID);
    }
    await until(id, committed(2));
  });

  it("[J10] is void once everybody has answered and too few could", async () => {
    const { id, volunteers } = await atProbeJudging(3, 4);
    for (const [i, volunteer] of volunteers.entries()) {
      expect(await report(id)).toMatchObject({ state: "running", current: { attempt: 0 } });
      await volunteer.judge(i < 2 ? null : SAID);
    }
    const { detail } = await until(id, ({ state }) => state === "paused");
    expect(detail).toMatch(/2 of 4 participants could score .* a choice takes 3/);
  });

  it("[A3] [J10] waits for nobody who was removed", async () => {
    const { id, volunteers } = await atProbeJudging(3, 4);
    for (const volunteer of volunteers.slice(0, 3)) await volunteer.judge(null);
    expect((await report(id)).state).toBe("running");
    const path = `/api/v1/admin/campaigns/${id}/participants/${volunteers[3]!.id}`;
    await ask(path, { method: "DELETE", token: ADMIN });
    await until(id, ({ state }) => state === "paused");
  });

  it("[J3.4] [C3] paused meanwhile still waits for scores when resumed", async () => {
    const { id, volunteers } = await atProbeJudging(3, 4);
    for (const volunteer of volunteers.slice(0, 3)) {
      await volunteer.judge(volunteer === volunteers[0] ? null : SAID);
    }
    await act(id, "pause");
    await act(id, "resume");
    expect((await report(id)).current).toMatchObject({ round: 1, state: "collecting" });
    await volunteers[3]!.judge(SAID);
    await until(id, committed(2));
  });
});

/** Transfer rate of the student that each round begins with: better, then worse and worse. */
const REGROWING = [0.9, 0.5, 0.1, 0.1, 0.8, 0.9, 0.9, 0.9];

/** Trains while the campaign takes steps, the loss always falling. */
async function regrow(
  regrowth: NonNullable<CampaignConfigInput["judging"]>["regrowth"],
): Promise<{ id: string; volunteer: Volunteer }> {
  const { id, volunteers } = await runningCampaign(1, {
    distillation: { rounds: REGROWING.length },
    judging: { regrowth, stopping: null },
    round: { goal: 1 },
  });
  const [volunteer] = volunteers as [Volunteer];
  for (const [round, inherited] of REGROWING.entries()) {
    if ((await volunteer.assignment()).localSteps === 0) break;
    await train(id, volunteer, round, { inherited, loss: 1 / (round + 1) });
  }
  return { id, volunteer };
}

describe("the regrowth alarm", () => {
  it("[R9.8] [J6.7] falls back to the best committed student, judges it and finishes", async () => {
    const { id, volunteer } = await regrow({ window: 2 });
    // Smoothed without student₀'s: .3, .1, .45: risen by .35 after round 4, of 64 images.
    expect(await report(id)).toMatchObject({
      state: "running",
      rounds: 6,
      alarm: { round: 4, fellBackTo: 2, detail: expect.stringContaining("growing back") },
      current: { round: 5, judging: true },
    });
    const metrics = await (await send("/api/v1/admin/metrics", { token: ADMIN })).text();
    expect(metrics).toMatch(new RegExp(`scour_regrowth_alarm\\{[^}]*${id}[^}]*\\} 1\n`));
    await abortAllDurableObjects();
    const at = await volunteer.assignment();
    const [row] = await sql(id, "SELECT slices FROM students WHERE round = 2");
    expect(at).toMatchObject({ localSteps: 0, student: JSON.parse(String(row!["slices"])) });
    await volunteer.judge();
    const done = await until(id, ({ state }) => state === "finished");
    expect(done).toMatchObject({ round: 6, rounds: 6, alarm: { fellBackTo: 2 } });
    const { link } = (await linksOf(id)).find((one) => one.link.kind === "rollback")!;
    expect(link).toMatchObject({ round: 4, reason: "regrowth", to: 2, student: at.student });
    expect(await studentOf(id, 6)).toEqual(await studentOf(id, 2));
    expect(await studentOf(id, 6)).not.toEqual(await studentOf(id, 5));
  });

  it("[J11.5] has the student gone back to judged by those up to it, not by those given up", async () => {
    const { id, volunteer } = await regrow({ window: 2 });
    // Above .5, the most of the first two; not above what the alarm was raised for.
    await volunteer.judge({ images: 64, inherited: 0.8 });
    expect(await until(id, ({ state }) => state !== "running")).toMatchObject({
      state: "failed",
      gate: { verdict: "failed", reason: "mistakes" },
    });
  });

  it("[J6.7] [J6.8] set to report is told and changes nothing", async () => {
    const { id, volunteer } = await regrow({ action: "report", window: 2 });
    const { alarm, rounds: count } = await report(id);
    expect(alarm).toMatchObject({ round: 4, fellBackTo: null });
    expect(count).toBe(REGROWING.length + 1);
    await volunteer.judge();
    await until(id, ({ state }) => state === "finished");
    expect(await studentOf(id, count)).toEqual(await studentOf(id, count - 1));
  });

  it("[J6] [J9] one participant cannot raise it alone", async () => {
    const { id, volunteers } = await runningCampaign(3, {
      distillation: { rounds: 4 },
      judging: { regrowth: { window: 1 } },
      round: { goal: 3 },
    });
    for (const round of [0, 1, 2]) {
      for (const [i, volunteer] of volunteers.entries()) {
        const inherited = i === 0 && round === 2 ? 1 : 0.25;
        const scores = scoresOf(volunteer.view, { images: 64, inherited, perturbed: [] });
        const loss = 1 / (round + 1);
        await volunteer.contribute(updateOf(volunteer.view, i), { loss, scores });
      }
      await until(id, committed(round + 1));
    }
    const { alarm } = await report(id);
    expect(alarm).toBeNull();
    expect((await rounds(id))[2]!.scores).toMatchObject({
      transfer: { moved: 3 * 64, followed: 64 + 2 * 16 },
      medians: { transferRate: 0.25 },
    });
  });
});

describe("stopping", () => {
  it("[J7] goes straight to the judging round once scores and learning rate are low", async () => {
    const { id, volunteers } = await runningCampaign(1, {
      distillation: { rounds: 10 },
      judging: { stopping: { window: 1, learningRateShare: 0.9 } },
      round: { goal: 1 },
    });
    const [volunteer] = volunteers as [Volunteer];
    for (const [round, inherited] of [0.5, 0.4, 0.25, 0.25].entries()) {
      await train(id, volunteer, round, { inherited });
    }
    expect(await report(id)).toMatchObject({
      rounds: 5,
      alarm: null,
      stopped: { round: 3, detail: expect.stringContaining("would change nothing") },
      current: { round: 4, judging: true },
    });
    await volunteer.judge();
    await until(id, ({ state }) => state === "finished");
    expect(await studentOf(id, 5)).toEqual(await studentOf(id, 4));
  });
});

describe("the commit chain", () => {
  it("[R9] lets anybody recompute links and decisions from the configuration and the links alone", async () => {
    const { id, volunteer } = await probed();
    for (const [round, inherited] of [0.1, 0.2].entries()) {
      await train(id, volunteer, 4 + round, { inherited });
    }
    await volunteer.judge();
    const { config, starts, choice, alarm, stopped, gate } = await until(
      id,
      ({ state }) => state === "finished",
    );
    const links = await linksOfRounds(id, 7);
    let previous: string | null = null;
    const summaries = links.map(({ link }) =>
      summariseScores(
        link.inputs.map(({ weight, loss, scores }) => ({
          weight,
          loss: loss!,
          scores: scores ?? null,
        })),
      ),
    );
    const decided = { choice: null, alarm: null, stopped: null } as NonNullable<
      CommittedLink["decisions"]
    >;
    for (const [round, { chain, link }] of links.entries()) {
      expect(link).toMatchObject({ previous, round, configuration: configurationDigest(config) });
      expect(chainDigest(link)).toBe(chain);
      if (round === 3) {
        decided.choice = chooseCandidate(config, [summaries[1]!, summaries[3]!]);
      }
      const place = placeOf(config, round, { chosen: decided.choice?.candidate });
      if (place.leg.kind === "main" && place.roundOfLeg > 0 && !place.judging) {
        const watched = summaries
          .slice(place.leg.firstRound + 1, round + 1)
          .flatMap((s, i) => watchedRound(config, place.leg.firstRound + 1 + i, s) ?? []);
        expect(watched.at(-1)).toMatchObject({ round });
        decided.alarm ??= regrowthAlarm(config.judging, watched) ?? null;
        decided.stopped = settled(config.judging, watched, place) ?? null;
      }
      if (place.leg.kind === "main" && place.judging) {
        const first = place.leg.firstRound + 1;
        const before = summaries
          .slice(first, round)
          .flatMap((s, i) => scoredStudent(config, first + i, s) ?? []);
        const last = scoredStudent(config, round, summaries[round]!);
        decided.gate = judgeLast(before, round, last);
      }
      expect(link.decisions).toEqual(decided);
      previous = chain;
    }
    expect({ choice, alarm, stopped, gate }).toEqual(decided);
    expect(starts).toHaveLength(2);
    const { link } = links[3]!;
    const forged = structuredClone(link);
    forged.inputs[0]!.scores!.agreement = 0;
    expect(chainDigest(forged)).not.toBe(links[3]!.chain);
  });
});
