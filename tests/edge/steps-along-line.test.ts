import { reset } from "cloudflare:test";
import { afterEach, describe, expect, it } from "vitest";
import {
  ADMIN,
  ask,
  committed,
  runningCampaign,
  studentOf,
  until,
  type Volunteer,
} from "./coordinator.ts";
import type { CampaignReport } from "../../protocol/round/reports.ts";
import type { CampaignConfigInput } from "../../protocol/round/campaign-config.ts";
import { linksOfRounds } from "./links.ts";
import { train } from "./train-alone.ts";
import { updateOf } from "./what-is-sent.ts";

afterEach(() => reset());

const CONFIG: Partial<CampaignConfigInput> = {
  distillation: { rounds: 6 },
  judging: { overshoot: { factor: 1.5, window: 2 }, regrowth: null },
  codec: "f32",
  round: { goal: 1 },
};

describe("overshoot", () => {
  it("[J13] [O10] [R9.5] takes a student that still makes its teacher's mistakes further on, once", async () => {
    const { id, volunteers } = await runningCampaign(1, CONFIG);
    const [volunteer] = volunteers as [Volunteer];
    for (let round = 0; round < 5; round++) await train(id, volunteer, round, { inherited: 0.25 });
    const links = (await linksOfRounds(id, 5)).map(({ link }) => link);
    const detail = expect.stringContaining("make 0.250 of the teacher's mistakes");
    const decided = { round: 2, factor: 1.5, detail };
    expect(links.map(({ decisions }) => decisions?.overshoot)).toEqual([
      undefined,
      undefined,
      decided,
      decided,
      decided,
    ]);
    const students = await Promise.all([0, 3, 4, 5].map((round) => studentOf(id, round)));
    const [teacher, before, further, after] = students as [Float32Array[], ...typeof students];
    const { model, sliceLengths } = volunteer.view;
    const trainable = sliceLengths[0]!;
    expect(trainable).toBe(model.trainableLength);
    const step = (from: Float32Array[], round: number, slice: number): Float32Array =>
      from[slice]!.map((value, i) => value - updateOf(volunteer.view, round)[slice]![i]!);
    const led = step(before!, 3, 0);
    expect(further![0]).toEqual(
      led.map((value, i) => teacher[0]![i]! + 1.5 * (value - teacher[0]![i]!)),
    );
    expect(further!.at(-1)).toEqual(step(before!, 3, sliceLengths.length - 1));
    expect(after![0]).toEqual(step(further!, 4, 0));
  });

  it("[J14] [O10] takes a student that makes none of its teacher's mistakes back part of the way", async () => {
    const { id, volunteers } = await runningCampaign(1, {
      ...CONFIG,
      judging: { pullBack: { share: 0.25, window: 2 }, regrowth: null },
    });
    const [volunteer] = volunteers as [Volunteer];
    for (let round = 0; round < 4; round++) await train(id, volunteer, round, { inherited: 0 });
    const links = (await linksOfRounds(id, 4)).map(({ link }) => link);
    expect(links.at(-1)!.decisions).toMatchObject({ pullBack: { round: 2, factor: 0.25 } });
    expect(links.at(-1)!.decisions).not.toHaveProperty("overshoot");
    const [teacher, before, back] = await Promise.all([0, 3, 4].map((at) => studentOf(id, at)));
    const update = updateOf(volunteer.view, 3)[0]!;
    const led = before![0]!.map((value, i) => value - update[i]!);
    expect(back![0]).toEqual(
      led.map((value, i) => teacher![0]![i]! + 0.25 * (value - teacher![0]![i]!)),
    );
  });

  it("[O10] [C4] is not of a student that an administrator went back to", async () => {
    const { id, volunteers } = await runningCampaign(1, CONFIG);
    const [volunteer] = volunteers as [Volunteer];
    for (let round = 0; round < 3; round++) await train(id, volunteer, round, { inherited: 0.25 });
    await volunteer.assignment();
    const path = `/api/v1/admin/campaigns/${id}/rounds/1/rollback`;
    await ask<CampaignReport>(path, { method: "POST", token: ADMIN });
    await train(id, volunteer, 3, { inherited: 0.25 });
    await until(id, committed(4));
    const [before, after] = await Promise.all([1, 4].map((round) => studentOf(id, round)));
    const update = updateOf(volunteer.view, 3)[0]!;
    expect(after![0]).toEqual(before![0]!.map((value, i) => value - update[i]!));
  });
});
