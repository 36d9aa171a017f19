import { env } from "cloudflare:workers";
import { reset, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { afterEach, describe, expect, it } from "vitest";
import { MaskWriter } from "../../edge/campaign/start/mask-writer.ts";
import { requireNameable } from "../../edge/campaign/rounds/check-commit.ts";
import { formatDigest } from "../../protocol/content-digest.ts";
import { sha256 } from "../../protocol/digest.ts";
import { campaignConfigSchema } from "../../protocol/round/campaign-config.ts";
import { UPLOAD_LIMITS, type UploadState } from "../../protocol/round/upload.ts";
import { chunked } from "./chunked.ts";
import {
  ADMIN,
  beginUpload,
  completeUpload,
  expectProblem,
  send,
  sendPart,
  uploadModel,
} from "./coordinator.ts";
import { numbers, tinyModel } from "./tiny-model.ts";

afterEach(() => reset());

const PART = UPLOAD_LIMITS.leastPartBytes;
const next = numbers(3);
/** Two whole parts, and one of five bytes. */
const BYTES = Uint8Array.from({ length: 2 * PART + 5 }, () => 256 * (next() + 0.5));
const DIGEST = sha256(BYTES);

const part = (index: number) => BYTES.slice(index * PART, (index + 1) * PART);

async function stored(): Promise<string[]> {
  return (await env.BLOBS.list()).objects.map(({ key }) => key);
}

async function missing(): Promise<readonly number[]> {
  const state: UploadState = await (await beginUpload(DIGEST, BYTES.length)).json();
  return state.missing;
}

async function drained(answer: Promise<Response>): Promise<number> {
  const { body, status } = await answer;
  await body?.cancel();
  return status;
}

async function sendAll(): Promise<void> {
  await drained(beginUpload(DIGEST, BYTES.length));
  for (const index of [0, 1, 2])
    expect(await drained(sendPart(DIGEST, index, part(index)))).toBe(201);
}

describe("a model in parts", () => {
  it("[P10.1] [P10.2] goes on where it ended, in any order", async () => {
    expect(await missing()).toEqual([0, 1, 2]);
    expect(await drained(sendPart(DIGEST, 2, part(2)))).toBe(201);
    expect(await drained(sendPart(DIGEST, 0, part(0)))).toBe(201);
    expect(await missing()).toEqual([1]);
    expect(await drained(sendPart(DIGEST, 0, part(0)))).toBe(200);
    // Whoever goes on with other parts is told those that it began with.
    const other: UploadState = await (await beginUpload(DIGEST, BYTES.length, 3 * PART)).json();
    expect(other).toMatchObject({ complete: false, partBytes: PART, missing: [1] });
  });

  it("[P10.3] [P4] is one blob once it is complete, and serves ranges across its parts", async () => {
    await sendAll();
    const done = await completeUpload(DIGEST);
    expect(done.status).toBe(200);
    expect(await done.json()).toEqual({ digest: DIGEST, bytes: BYTES.length });
    expect(await drained(completeUpload(DIGEST))).toBe(200);
    const state: UploadState = await (await beginUpload(DIGEST, BYTES.length)).json();
    expect(state).toMatchObject({ complete: true, missing: [] });

    const path = `/api/v1/blobs/${DIGEST}`;
    const whole = await send(path, { token: ADMIN });
    expect(whole.headers.get("Content-Length")).toBe(String(BYTES.length));
    expect(sha256(new Uint8Array(await whole.arrayBuffer()))).toBe(DIGEST);
    const range = { Range: `bytes=${PART - 2}-${2 * PART + 1}` };
    const across = await send(path, { token: ADMIN, headers: range });
    expect(across.status).toBe(206);
    expect(new Uint8Array(await across.arrayBuffer())).toEqual(BYTES.slice(PART - 2, 2 * PART + 2));
  });

  it("[P10.3] is refused while parts are missing, which are named", async () => {
    await drained(beginUpload(DIGEST, BYTES.length));
    await drained(sendPart(DIGEST, 0, part(0)));
    const problem = await expectProblem(await completeUpload(DIGEST), 409, "incomplete-upload");
    expect(problem["missing"]).toEqual([1, 2]);
    await expectProblem(await completeUpload("0".repeat(64)), 404, "not-found");
  });

  it("[P10.3] leaves nothing behind when the whole hashes otherwise", async () => {
    await sendAll();
    // Another one in its place, in order by itself.
    expect(await drained(sendPart(DIGEST, 2, new Uint8Array(5)))).toBe(201);
    await expectProblem(await completeUpload(DIGEST), 422, "digest-mismatch");
    expect(await stored()).toEqual([]);
    expect(await missing()).toEqual([0, 1, 2]);
  });

  it("[P10.2] [P10.3] keeps of several tries at a part the one that is part of it", async () => {
    await sendAll();
    const whole = await stored();
    await drained(sendPart(DIGEST, 2, new Uint8Array(5)));
    expect(await stored()).toHaveLength(3);
    await drained(sendPart(DIGEST, 2, part(2)));
    expect(await stored()).toEqual(whole);
    expect(await drained(completeUpload(DIGEST))).toBe(200);
    expect(await stored()).toHaveLength(4);
  });

  it("[P10.4] is swept when nothing came for a day, and what became a blob is not", async () => {
    const model = tinyModel();
    expect(await drained(uploadModel(model))).toBe(200);
    await drained(beginUpload(DIGEST, BYTES.length));
    await drained(sendPart(DIGEST, 2, part(2)));
    const directory = env.DIRECTORY.getByName("campaigns");
    const before = await stored();
    expect(before).toHaveLength(3);
    expect(await runDurableObjectAlarm(directory)).toBe(true);
    expect(await stored()).toEqual(before);
    await runInDurableObject(directory, (_, { storage }) => {
      storage.sql.exec("UPDATE uploads SET touched_at = touched_at - 86400000");
    });
    // Only a part would postpone it.
    expect(await missing()).toEqual([0, 1]);
    await expectProblem(await completeUpload(DIGEST), 409, "incomplete-upload");
    expect(await runDurableObjectAlarm(directory)).toBe(true);
    expect(await stored()).toEqual(before.filter((key) => key.includes(model.digest)));
    await expectProblem(await sendPart(DIGEST, 0, part(0)), 404, "not-found");
  });

  it("[P10.1] above the limit is 413 before a byte of it is sent", async () => {
    const { modelBytes } = UPLOAD_LIMITS;
    expect(await drained(beginUpload(DIGEST, modelBytes))).toBe(200);
    const answer = await beginUpload("0".repeat(64), modelBytes + 1);
    const problem = await expectProblem(answer, 413, "payload-too-large");
    expect(problem["detail"]).toContain(String(modelBytes));
    await expectProblem(await beginUpload(DIGEST, 5), 422, "length-mismatch");
    await expectProblem(await beginUpload("0".repeat(64), 5, PART - 1), 400, "malformed-request");
    await expectProblem(await beginUpload("teacher", 5), 400, "malformed-request");
    await expectProblem(await beginUpload("0".repeat(64), 0), 400, "malformed-request");
  });

  it("[P5] refuses parts that are not what they say", async () => {
    await drained(beginUpload(DIGEST, BYTES.length));
    const bytes = part(2);
    const put = (
      body: Parameters<typeof send>[1],
      { index = "2", digest = sha256(bytes) as string, length = 5 } = {},
    ) =>
      send(`/api/v1/admin/models/${DIGEST}/parts/${index}`, {
        method: "PUT",
        token: ADMIN,
        headers: { "Content-Length": String(length), "Content-Digest": formatDigest(digest) },
        ...body,
      });
    const wrong = "0".repeat(64);
    await expectProblem(await put({ body: bytes }, { digest: wrong }), 422, "digest-mismatch");
    await expectProblem(await put({ body: part(1) }, { length: PART }), 422, "length-mismatch");
    await expectProblem(
      await put({ body: bytes, headers: { "Content-Length": "5" } }),
      400,
      "malformed-request",
    );
    const headers = { "Content-Digest": formatDigest(sha256(bytes)) };
    await expectProblem(await put({ body: chunked(bytes), headers }), 411, "length-required");
    await expectProblem(await put({ body: bytes }, { index: "3" }), 404, "not-found");
    expect(await stored()).toEqual([]);
  });
});

describe("large models", () => {
  it("[I6] have a mask that is written in parts and read as one", async () => {
    const mask = Uint8Array.from({ length: 23 }, (_, i) => (i < 20 ? i + 1 : 0));
    const writer = new MaskWriter(env.BLOBS, 23, 8);
    await writer.append(mask.slice(0, 3));
    await writer.append(mask.slice(3, 20));
    const digest = await writer.finish();
    expect(digest).toBe(sha256(mask));
    const served = await send(`/api/v1/blobs/${digest}`, { token: ADMIN });
    expect(new Uint8Array(await served.arrayBuffer())).toEqual(mask);
  });

  it("[S6] are refused where a commit could not name their slices", () => {
    const { judging } = campaignConfigSchema.parse({ model: DIGEST });
    expect(() => requireNameable(947, judging, 10_000)).not.toThrow();
    expect(() => requireNameable(948, judging, 2)).toThrow(/a commit can name 947/);
    const watching = { ...judging, watchAscents: 4 };
    expect(() => requireNameable(947, watching, 1000)).toThrow(/a commit can name 902/);
  });
});
