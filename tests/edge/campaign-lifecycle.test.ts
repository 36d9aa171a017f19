import { env } from "cloudflare:workers";
import { reset } from "cloudflare:test";
import { afterEach, describe, expect, it } from "vitest";
import { committed, control, rounds, runningCampaign, until } from "./coordinator.ts";
import { updateOf } from "./what-is-sent.ts";

afterEach(() => reset());

describe("a campaign from start to end", () => {
  it("[R1] goes from round to round and ends as finished", async () => {
    const { id, volunteers } = await runningCampaign(2);
    for (const round of [0, 1]) {
      for (const [i, volunteer] of volunteers.entries()) {
        const reply = await volunteer.contribute(updateOf(volunteer.view, 10 * round + i));
        expect(reply).toEqual({ verdict: "accepted", round, weight: 8 });
      }
      await until(id, committed(round + 1));
    }
    for (const volunteer of volunteers) {
      expect(await volunteer.judge()).toEqual({ verdict: "accepted", round: 2, weight: 0 });
    }
    const report = await until(id, ({ state }) => state === "finished");
    expect(report).toMatchObject({ round: 3, rounds: 3, detail: null });
    expect(report.current).toMatchObject({ round: 2, attempt: 0, state: "committed", accepted: 2 });
    expect(await rounds(id)).toHaveLength(3);
    expect(await volunteers[0]!.checkIn()).toEqual({
      kind: "ended",
      state: "finished",
      detail: null,
      round: 3,
    });
    await expect
      .poll(() => env.BLOBS.list({ prefix: "updates/" }).then((l) => l.objects.length))
      .toBe(0);
    expect(control(id)).toBeDefined();
  });
});
