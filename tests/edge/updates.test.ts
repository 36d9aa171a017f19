import { env } from "cloudflare:workers";
import { reset } from "cloudflare:test";
import { afterEach, describe, expect, it } from "vitest";
import { formatDigest } from "../../protocol/content-digest.ts";
import { sha256 } from "../../protocol/digest.ts";
import type { UploadStatus } from "../../protocol/round/assignment.ts";
import { chunked } from "./chunked.ts";
import {
  ask,
  committed,
  control,
  expectProblem,
  report,
  runningCampaign,
  send,
  studentOf,
  until,
  type Volunteer,
} from "./coordinator.ts";
import { updateOf } from "./what-is-sent.ts";

afterEach(() => reset());

const START = { round: 0, attempt: 0 };

async function assigned(count = 1, goal = 2): Promise<{ id: string; volunteers: Volunteer[] }> {
  const campaign = await runningCampaign(count, { round: { goal } });
  for (const volunteer of campaign.volunteers) await volunteer.assignment();
  return campaign;
}

function status(volunteer: Volunteer): Promise<UploadStatus> {
  return ask("/api/v1/rounds/0/0/upload", { token: volunteer.credential });
}

function uploadedKeys(): Promise<number> {
  return env.BLOBS.list({ prefix: "updates/" }).then(({ objects }) => objects.length);
}

describe("uploading slices", () => {
  it("[R4] lists what is stored, so that an upload resumes", async () => {
    const { volunteers } = await assigned();
    const [volunteer] = volunteers as [Volunteer];
    const frames = volunteer.frames(updateOf(volunteer.view, 1));
    expect(await status(volunteer)).toEqual({ slices: [], committed: false });
    const first = await volunteer.putFrame(START, 1, frames[1]!);
    expect(first.status).toBe(201);
    expect(await first.json()).toEqual({ index: 1, digest: sha256(frames[1]!) });
    expect(await status(volunteer)).toEqual({
      slices: [{ index: 1, digest: sha256(frames[1]!) }],
      committed: false,
    });
    const digests = await volunteer.upload(START, frames);
    await (await volunteer.sendCommit(START, digests)).body?.cancel();
    expect(await status(volunteer)).toMatchObject({ committed: true });
  });

  it("[R4] the same slice again is answered alike and counted once", async () => {
    const { id, volunteers } = await assigned();
    const [volunteer] = volunteers as [Volunteer];
    const frame = volunteer.frames(updateOf(volunteer.view, 1))[0]!;
    const bodies = [];
    for (let i = 0; i < 6; i++) {
      const response = await volunteer.putFrame(START, 0, frame);
      expect(response.status).toBe(i === 0 ? 201 : 200);
      bodies.push(await response.json());
    }
    expect(new Set(bodies.map((body) => JSON.stringify(body))).size).toBe(1);
    expect((await report(id)).current).toMatchObject({ uploadedBytes: frame.length });
    expect(await uploadedKeys()).toBe(1);
  });

  it("[R4] before the commit a slice may be replaced", async () => {
    const { volunteers } = await assigned();
    const [volunteer] = volunteers as [Volunteer];
    await volunteer.upload(START, volunteer.frames(updateOf(volunteer.view, 1)));
    const frames = volunteer.frames(updateOf(volunteer.view, 2));
    const digests = await volunteer.upload(START, frames);
    expect((await status(volunteer)).slices.map(({ digest }) => digest)).toEqual(digests);
  });

  it("[A4] keeps one frame of a slice: another deletes the one before", async () => {
    const { id, volunteers } = await assigned(2);
    const [volunteer, other] = volunteers as [Volunteer, Volunteer];
    const frames = [1, 2, 3].map((seed) => volunteer.frames(updateOf(volunteer.view, seed))[0]!);
    for (const frame of frames) {
      expect((await volunteer.putFrame(START, 0, frame)).status).toBe(201);
      expect(await uploadedKeys()).toBe(1);
    }
    // What gave way does not come back: its deletion may still be under way.
    const again = await volunteer.putFrame(START, 0, frames[0]!);
    await expectProblem(again, 409, "update-conflict");
    expect(await uploadedKeys()).toBe(1);
    expect((await status(volunteer)).slices).toEqual([{ index: 0, digest: sha256(frames[2]!) }]);
    // The last ones are there to be combined.
    const rest = volunteer.frames(updateOf(volunteer.view, 3));
    await (await volunteer.sendCommit(START, await volunteer.upload(START, rest))).body?.cancel();
    await other.contribute(updateOf(other.view, 4));
    await until(id, committed(1));
  });

  it("[A4] a frame whose upload was overtaken is not kept beside the one that overtook it", async () => {
    const { id, volunteers } = await assigned();
    const [volunteer] = volunteers as [Volunteer];
    const [first, second] = [1, 2].map(
      (seed) => volunteer.frames(updateOf(volunteer.view, seed))[0]!,
    );
    const at = (digest: string) => [volunteer.id, START, 0, digest] as const;
    const stub = control(id);
    // Both were let in; killed after the second was recorded, its predecessor is still stored.
    for (const frame of [first!, second!]) await stub.reserveSlice(...at(sha256(frame)));
    const record = async (frame: Uint8Array) => await stub.recordSlice(...at(sha256(frame)));
    expect(await record(first!)).toMatchObject({ ok: true, value: [] });
    expect(await record(second!)).toMatchObject({ ok: true, value: [sha256(first!)] });
    // Whoever comes to it next is told again what is to be deleted, and nobody brings it back.
    expect(await record(second!)).toMatchObject({ ok: true, value: [sha256(first!)] });
    expect(await record(first!)).toMatchObject({ ok: false, code: "update-conflict" });
  });

  it("[A4] permits four uploads a slice and attempt", async () => {
    const { volunteers } = await assigned();
    const [volunteer] = volunteers as [Volunteer];
    for (let seed = 1; seed <= 4; seed++) {
      const frame = volunteer.frames(updateOf(volunteer.view, seed))[0]!;
      expect((await volunteer.putFrame(START, 0, frame)).status).toBe(201);
    }
    const frame = volunteer.frames(updateOf(volunteer.view, 5))[0]!;
    const response = await volunteer.putFrame(START, 0, frame);
    expect(Number(response.headers.get("Retry-After"))).toBeGreaterThan(0);
    await expectProblem(response, 429, "quota-exceeded");
  });

  it("[A4] permits a bounded number of requests a minute", async () => {
    const { volunteers } = await assigned(2);
    const [greedy, modest] = volunteers as [Volunteer, Volunteer];
    let refused: Response | undefined;
    for (let i = 0; i < 1000 && refused === undefined; i++) {
      const response = await send("/api/v1/campaign", { token: greedy.credential });
      if (response.status === 200) await response.body?.cancel();
      else refused = response;
    }
    expect(Number(refused?.headers.get("Retry-After"))).toBeGreaterThan(0);
    await expectProblem(refused!, 429, "quota-exceeded");
    expect((await send("/api/v1/campaign", { token: modest.credential })).status).toBe(200);
  });

  it("[P5] a slice is refused before it is stored", async () => {
    const { volunteers } = await assigned();
    const [volunteer] = volunteers as [Volunteer];
    const frame = volunteer.frames(updateOf(volunteer.view, 1))[0]!;
    const longer = new Uint8Array(frame.length + 4);
    longer.set(frame);
    const nan = frame.slice();
    new DataView(nan.buffer).setFloat32(64, NaN, true);
    const reserved = frame.slice();
    reserved[25] = 1;
    const magic = frame.slice();
    magic[0] = 0;
    const future = frame.slice();
    future[4] = 2;
    const flipped = frame.slice();
    flipped[100]! ^= 1;
    const table: [string, Response, number, string][] = [
      [
        "shorter",
        await volunteer.putFrame(START, 0, frame.subarray(0, 64)),
        422,
        "length-mismatch",
      ],
      ["longer", await volunteer.putFrame(START, 0, longer), 422, "length-mismatch"],
      [
        "another slice",
        await volunteer.putFrame(START, 0, volunteer.frames(updateOf(volunteer.view, 1))[1]!),
        422,
        "length-mismatch",
      ],
      [
        "wrong Content-Digest",
        await volunteer.putFrame(START, 0, frame, {
          "Content-Digest": formatDigest("0".repeat(64)),
        }),
        422,
        "digest-mismatch",
      ],
      [
        "garbled Content-Digest",
        await volunteer.putFrame(START, 0, frame, { "Content-Digest": "sha-256=x" }),
        400,
        "malformed-request",
      ],
      ["wrong frame digest", await volunteer.putFrame(START, 0, flipped), 422, "digest-mismatch"],
      ["NaN", await volunteer.putFrame(START, 0, nan), 422, "digest-mismatch"],
      ["reserved bytes", await volunteer.putFrame(START, 0, reserved), 422, "malformed-update"],
      ["magic", await volunteer.putFrame(START, 0, magic), 422, "malformed-update"],
      ["frame version", await volunteer.putFrame(START, 0, future), 426, "unsupported-version"],
      ["no such slice", await volunteer.putFrame(START, 9, frame), 404, "not-found"],
      [
        "no such round",
        await volunteer.putFrame({ round: 1, attempt: 0 }, 0, frame),
        409,
        "stale-round",
      ],
      [
        "no such attempt",
        await volunteer.putFrame({ round: 0, attempt: 1 }, 0, frame),
        409,
        "stale-round",
      ],
      [
        "no number",
        await send("/api/v1/rounds/x/0/slices/0", { method: "PUT", token: volunteer.credential }),
        400,
        "malformed-request",
      ],
    ];
    for (const [name, response, code, problem] of table) {
      await expectProblem(response, code, problem).catch((error: unknown) => {
        throw new Error(name, { cause: error });
      });
    }
    expect(await uploadedKeys()).toBe(0);
    expect(await status(volunteer)).toEqual({ slices: [], committed: false });
  });

  it("[U4] a value that is not finite is refused, wherever it stands", async () => {
    const { volunteers } = await assigned();
    const [volunteer] = volunteers as [Volunteer];
    const frame = volunteer.frames(updateOf(volunteer.view, 1))[0]!;
    new DataView(frame.buffer).setUint32(frame.length - 4, 0x7f80_0000, true);
    frame.set(hexBytes(sha256(concat(frame.subarray(0, 32), frame.subarray(64)))), 32);
    await expectProblem(await volunteer.putFrame(START, 0, frame), 422, "malformed-update");
  });

  it.each(["f32", "f16", "int8"] as const)(
    "[U8] a change of %s weights beyond what training gives is refused where it stands",
    async (codec) => {
      const { volunteers } = await runningCampaign(1, { codec, round: { goal: 2 } });
      const [volunteer] = volunteers as [Volunteer];
      await volunteer.assignment();
      const update = updateOf(volunteer.view, 1);
      update[0]![7] = -20_000;
      const problem = await expectProblem(
        await volunteer.putFrame(START, 0, volunteer.frames(update)[0]!),
        422,
        "malformed-update",
      );
      // Values of int8 are judged by the scale of their block.
      expect(problem).toMatchObject({ slice: 0, index: codec === "int8" ? 0 : 7 });
      expect(problem["detail"]).toMatch(/beyond ±10000/);
      update[0]![7] = -9_900;
      const large = await volunteer.putFrame(START, 0, volunteer.frames(update)[0]!);
      expect(large.status).toBe(201);
      expect(await uploadedKeys()).toBe(1);
    },
  );

  it("[U8.1] running statistics that no images give are refused, naming tensor and channel", async () => {
    const { id, volunteers } = await assigned();
    const [volunteer] = volunteers as [Volunteer];
    const [weights, honest] = updateOf(volunteer.view, 1);
    // In a file order of mean, variance, mean, variance, … of one channel each.
    const [, before] = await studentOf(id, 0);
    const put = async (index: number, value: number): Promise<Response> => {
      const changed = honest!.map((own, i) => (i === index ? before![index]! - value : own));
      return await volunteer.putFrame(START, 1, volunteer.frames([weights!, changed])[1]!);
    };
    for (const [index, value, why] of [
      [1, -0.01, /'bn1.running_var' at channel 0 -0.0099.*, which is no variance/],
      [1, -1e30, /'bn1.running_var' at channel 0 .* no variance/],
      [1, 1e12, /more than 100000000 times the teacher/],
      [
        0,
        1e9,
        /'bn1.running_mean' at channel 0 1000000000\.\d+, which is more than 10000 deviations/,
      ],
      [0, -1e30, /'bn1.running_mean' at channel 0/],
    ] as const) {
      const problem = await expectProblem(await put(index, value), 422, "malformed-update");
      expect(problem["detail"]).toMatch(why);
    }
    for (const [index, value] of [
      [1, 0],
      [1, 1e6],
      [0, -1e3],
    ] as const) {
      expect((await put(index, value)).ok).toBe(true);
    }
  });

  it("[P5] without Content-Length, 411", async () => {
    const { volunteers } = await assigned();
    const [volunteer] = volunteers as [Volunteer];
    const frame = volunteer.frames(updateOf(volunteer.view, 1))[0]!;
    const response = await send("/api/v1/rounds/0/0/slices/0", {
      method: "PUT",
      token: volunteer.credential,
      body: chunked(frame),
      headers: { "Content-Digest": formatDigest(sha256(frame)) },
    });
    await expectProblem(response, 411, "length-required");
  });

  it("[R6] without an assignment nothing is taken", async () => {
    const { volunteers } = await runningCampaign(2, { round: { goal: 1, overSelection: 1 } });
    const [first, second] = volunteers as [Volunteer, Volunteer];
    await first.assignment();
    const frame = second.frames(updateOf(second.view, 1))[0]!;
    await expectProblem(await second.putFrame(START, 0, frame), 409, "stale-round");
  });
});

function hexBytes(hex: string): Uint8Array {
  return Uint8Array.from(hex.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
}

function concat(a: Uint8Array, b: Uint8Array): Uint8Array {
  const joined = new Uint8Array(a.length + b.length);
  joined.set(a);
  joined.set(b, a.length);
  return joined;
}
