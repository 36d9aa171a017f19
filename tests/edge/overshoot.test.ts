import { reset } from "cloudflare:test";
import { afterEach, describe, expect, it } from "vitest";
import { runningCampaign, studentOf, type Volunteer } from "./coordinator.ts";
import { linksOfRounds } from "./links.ts";
import { train } from "./train-alone.ts";
import { updateOf } from "./what-is-sent.ts";

afterEach(() => reset());

describe("overshoot", () => {
  it("[J13] [O10] [R9.5] takes a student that still makes its teacher's mistakes further on, once", async () => {
    const { id, volunteers } = await runningCampaign(1, {
      distillation: { rounds: 6 },
      judging: { overshoot: { factor: 1.5, window: 2 }, regrowth: null },
      codec: "f32",
      round: { goal: 1 },
    });
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
});
