import { env } from "cloudflare:workers";
import {
  abortAllDurableObjects,
  evictDurableObject,
  reset,
  runDurableObjectAlarm,
  runInDurableObject,
} from "cloudflare:test";
import { afterEach, describe, expect, it } from "vitest";
import { updateKey } from "../../edge/blobs/update-objects.ts";
import type { Campaign } from "../../edge/campaign/campaign.ts";
import { driveCombining } from "../../edge/campaign/combining/combining.ts";
import { sliceWorkers } from "../../edge/campaign/combining/slice-workers.ts";
import { sweep } from "../../edge/campaign/combining/sweep.ts";
import { act as actWithin } from "../../edge/campaign/rounds/actions.ts";
import { advance, voidAttempt } from "../../edge/campaign/rounds/transitions.ts";
import { sha256 } from "../../protocol/digest.ts";
import type { CampaignConfigInput } from "../../protocol/round/campaign-config.ts";
import {
  act,
  committed,
  control,
  report,
  rounds,
  runningCampaign,
  sql,
  studentOf,
  until,
  type Volunteer,
} from "./coordinator.ts";
import { updateOf } from "./what-is-sent.ts";
import { combineUntil, within } from "./kill-combining.ts";

afterEach(() => reset());

/** Everything that combining can do: two passes, momentum. */
const CONFIG: Partial<CampaignConfigInput> = {
  round: { goal: 3 },
  aggregation: {
    rule: { kind: "norm-clipped-mean", clipNorm: 0.05 },
    server: { kind: "adam" },
  },
};

/** Three updates are in; combining was begun by hand, so that no alarm runs ahead. */
async function readyToCombine(): Promise<string> {
  const { id, volunteers } = await runningCampaign(3, {
    ...CONFIG,
    round: { goal: 4, minimum: 3 },
  });
  for (const [rank, volunteer] of volunteers.entries()) {
    await volunteer.contribute(updateOf(volunteer.view, rank), { examples: rank + 1 });
  }
  return id;
}

/** A round whose only update lost a frame after it was checked. */
async function withLostFrame(): Promise<{ id: string; key: string; frame: ArrayBuffer }> {
  const { id, volunteers } = await runningCampaign(1, { round: { goal: 1 } });
  const [volunteer] = volunteers as [Volunteer];
  const at = await volunteer.assignment();
  const slices = await volunteer.upload(at, volunteer.frames(updateOf(volunteer.view, 1)));
  const [object] = (await env.BLOBS.list({ prefix: "updates/" })).objects;
  const frame = await (await env.BLOBS.get(object!.key))!.arrayBuffer();
  await env.BLOBS.delete(object!.key);
  await (await volunteer.sendCommit(at, slices)).body?.cancel();
  return { id, key: object!.key, frame };
}

/** Plays one round with a disturbance after every step; gives the student that comes out. */
const play = async (disturb: (id: string) => Promise<void>) => {
  const { id, volunteers } = await runningCampaign(3, CONFIG);
  await disturb(id);
  for (const [rank, volunteer] of volunteers.entries()) {
    const at = await volunteer.assignment();
    await disturb(id);
    expect(await volunteer.assignment()).toEqual(at);
    const frames = volunteer.frames(updateOf(volunteer.view, rank));
    const slices = [];
    for (const [index, frame] of frames.entries()) {
      slices.push(...(await volunteer.upload(at, frames.slice(0, index + 1))).slice(index));
      expect(frame.length).toBeGreaterThan(64);
      await disturb(id);
    }
    const first = await (await volunteer.sendCommit(at, slices)).json();
    await disturb(id);
    expect(await (await volunteer.sendCommit(at, slices)).json()).toEqual(first);
  }
  await until(id, committed(1));
  expect((await rounds(id))[0]).toMatchObject({ accepted: 3, examples: 24 });
  return await studentOf(id, 1);
};

describe("a coordinator that is killed", () => {
  it("[R3] [R8] between any two steps of combining goes on to the same bits", async () => {
    const undisturbed = await readyToCombine();
    expect(await combineUntil(undisturbed, Infinity)).toBe("finished");
    const expected = await studentOf(undisturbed, 1);
    expect(expected).not.toEqual(await studentOf(undisturbed, 0));

    let kills = 0;
    for (let steps = 0; ; steps++) {
      const id = await readyToCombine();
      if ((await combineUntil(id, steps)) === "finished") break;
      kills++;
      await abortAllDurableObjects();
      await until(id, committed(1));
      expect(await studentOf(id, 1)).toEqual(expected);
      expect((await rounds(id))[0]).toMatchObject({ state: "committed", accepted: 3, examples: 6 });
    }
    // Plan, stored results, passes, four slice results and the commit at least.
    expect(kills).toBeGreaterThanOrEqual(8);
  });

  it("[R3] at every step of a round loses nothing and counts nothing twice", async () => {
    const expected = await play(async () => undefined);
    expect(await play(() => abortAllDurableObjects())).toEqual(expected);
    expect(
      await play(async (id) => {
        await report(id);
        await evictDurableObject(control(id));
      }),
    ).toEqual(expected);
  });

  it("[R3] again and again while it combines still commits once", async () => {
    const { id, volunteers } = await runningCampaign(3, CONFIG);
    for (const volunteer of volunteers) await volunteer.contribute(updateOf(volunteer.view, 1));
    for (let kill = 0; kill < 8; kill++) {
      await abortAllDurableObjects();
      await report(id).catch(() => undefined);
      await scheduler.wait(5 * kill);
    }
    await until(id, committed(1));
    expect(await rounds(id)).toMatchObject([
      { round: 0, state: "committed", accepted: 3 },
      { round: 1, state: "open" },
    ]);
  });

  it("[R3] with its alarm lost sets it again when anybody asks", async () => {
    const { id, volunteers } = await runningCampaign(3, CONFIG);
    const loseAlarm = () =>
      runInDurableObject(control(id), (_: Campaign, { storage }) => storage.deleteAlarm());
    for (const volunteer of volunteers) await volunteer.contribute(updateOf(volunteer.view, 1));
    await until(id, committed(1));
    for (const volunteer of volunteers.slice(1)) {
      await volunteer.contribute(updateOf(volunteer.view, 2));
    }
    await sql(id, "UPDATE attempts SET state = 'combining', retry_at = 0 WHERE round = 1");
    await loseAlarm();
    await abortAllDurableObjects();
    await until(id, committed(2));
    expect((await report(id)).current).toMatchObject({ round: 2, judging: true, state: "open" });
  });
});

describe("combining that fails", () => {
  it("[R3] is tried again with growing pauses, and says why", async () => {
    const { id, key, frame } = await withLostFrame();
    const { current } = await until(id, (latest) => latest.current?.detail !== null);
    expect(current).toMatchObject({ state: "combining", round: 0 });
    expect(current!.detail).toContain("missing from storage");
    await env.BLOBS.put(key, frame);
    await until(id, committed(1));
    expect((await rounds(id))[0]).toMatchObject({ state: "committed", detail: null });
  });

  it("[R3] time after time pauses the campaign; resumed, it goes on", async () => {
    const { id, key, frame } = await withLostFrame();
    for (let i = 0; i < 20 && (await report(id)).state === "running"; i++) {
      await sql(id, "UPDATE attempts SET retry_at = 0");
      await runDurableObjectAlarm(control(id));
    }
    const paused = await report(id);
    expect(paused).toMatchObject({ state: "paused", round: 0 });
    expect(paused.detail).toContain("nothing is lost");
    await env.BLOBS.put(key, frame);
    await act(id, "resume");
    await until(id, committed(1));
    expect((await rounds(id))[0]).toMatchObject({ state: "committed", accepted: 1 });
  });

  it("[R1.1] a result that is not finite makes the attempt void", async () => {
    const { id, volunteers } = await runningCampaign(1, {
      round: { goal: 1, maxAttempts: 2 },
      aggregation: { server: { kind: "sgd", learningRate: 100 } },
    });
    const [volunteer] = volunteers as [Volunteer];
    // By the way that lets in what an earlier version's door did: today's would refuse it.
    const at = await volunteer.assignment();
    const huge = updateOf(volunteer.view, 1).map((values) => values.fill(3e38));
    const frames = volunteer.frames(huge);
    const slices = frames.map((frame) => sha256(frame));
    for (const [index, frame] of frames.entries()) {
      const key = updateKey(id, at, volunteer.id, index, slices[index]!);
      await env.BLOBS.put(key, frame);
      const recorded = await control(id).recordSlice(volunteer.id, at, index, slices[index]!);
      expect(recorded.ok).toBe(true);
    }
    await (await volunteer.sendCommit(at, slices)).body?.cancel();
    await until(id, (latest) => latest.current?.attempt === 1);
    const [voided] = await rounds(id);
    expect(voided).toMatchObject({ state: "aborted", attempt: 0 });
    expect(voided!.detail).toContain("not finite");
    expect(voided!.detail).toContain(`${volunteer.id} (norm 1.`);
    expect(await studentOf(id, 0)).toHaveLength(2);
    await volunteer.contribute(updateOf(volunteer.view, 1));
    await until(id, committed(1));
  });

  it("[C3] pausing and resuming between two of its results is no failure of it", async () => {
    const id = await readyToCombine();
    await within(id, async (transact, ledger) => {
      transact((_, now) => advance(ledger, ledger.rounds.current()!, now));
      const workers = sliceWorkers(env, ledger.campaign.read());
      let results = 0;
      await driveCombining(transact, {
        ...workers,
        measure: async (work) => {
          const measured = await workers.measure(work);
          results++;
          // The first result finds the campaign paused, the second finds it resumed.
          if (results <= 2) {
            const action = results === 1 ? "pause" : "resume";
            transact((_, now) => actWithin(ledger, action, now));
          }
          return measured;
        },
      });
    });
    expect(await sql(id, "SELECT state, failures, detail FROM attempts")).toEqual([
      { state: "combining", failures: 0, detail: null },
    ]);
    // Wakes up with its alarm, which was not set here.
    await evictDurableObject(control(id));
    await until(id, committed(1));
  });

  it("[C2] aborting while it combines keeps the student as it was", async () => {
    const id = await readyToCombine();
    expect(await combineUntil(id, 4)).toBe("killed");
    await act(id, "abort");
    await runDurableObjectAlarm(control(id));
    expect(await report(id)).toMatchObject({ state: "aborted", round: 0 });
    expect(await sql(id, "SELECT count(*) AS n FROM students")).toEqual([{ n: 1 }]);
    expect((await env.BLOBS.list({ prefix: "updates/" })).objects).toEqual([]);
  });
});

describe("updates of attempts that are over", () => {
  it("are swept, and so is one that lands later", async () => {
    const { id, volunteers } = await runningCampaign(1, { round: { goal: 1 } });
    const [volunteer] = volunteers as [Volunteer];
    const at = await volunteer.assignment();
    await volunteer.upload(at, volunteer.frames(updateOf(volunteer.view, 1)));
    await sql(
      id,
      "INSERT INTO uploads (round, attempt, participant, slice, tries) VALUES (0, 0, 'p-late', 0, 1)",
    );
    await sql(id, "UPDATE attempts SET deadline = 1");
    await runDurableObjectAlarm(control(id));
    expect((await env.BLOBS.list({ prefix: "updates/" })).objects).toEqual([]);
    const late = `updates/${id}/0/0/p-late/0-${"0".repeat(64)}`;
    await env.BLOBS.put(late, "late");
    const [row] = await sql(id, "SELECT sweep_at FROM campaign");
    expect(Number(row!["sweep_at"])).toBeGreaterThan(Date.now() + 60_000);
    await sql(id, "UPDATE campaign SET sweep_at = 1");
    await runDurableObjectAlarm(control(id));
    expect(await env.BLOBS.head(late)).toBeNull();
    expect(await sql(id, "SELECT sweep_at FROM campaign")).toEqual([{ sweep_at: null }]);
  });

  it("are swept, and nothing of one that begins meanwhile", async () => {
    const { id, volunteers } = await runningCampaign(1, { round: { goal: 1 } });
    const [volunteer] = volunteers as [Volunteer];
    const at = await volunteer.assignment();
    await volunteer.upload(at, volunteer.frames(updateOf(volunteer.view, 1)));
    const next = { round: 0, attempt: 1 };
    const digest = "0".repeat(64);
    const early = updateKey(id, next, volunteer.id, 0, digest);
    await sql(id, "UPDATE campaign SET sweep_at = 1");
    await within(id, async (transact, ledger) => {
      await sweep(transact, {
        list: async (options) => {
          transact((_, now) => {
            voidAttempt(ledger, ledger.rounds.current()!, "nobody came", now);
            ledger.uploads.save(next, volunteer.id, 0, { tries: 1, digest, replaced: [] });
          });
          await env.BLOBS.put(early, "early");
          return env.BLOBS.list(options);
        },
        delete: (keys) => env.BLOBS.delete(keys),
      });
      expect(ledger.uploads.stored(next, volunteer.id)).toEqual([{ index: 0, digest }]);
    });
    expect(await env.BLOBS.head(early)).not.toBeNull();
    // What is over now is swept by the alarm.
    await runDurableObjectAlarm(control(id));
    const left = (await env.BLOBS.list({ prefix: "updates/" })).objects;
    expect(left.map(({ key }) => key)).toEqual([early]);
  });
});
