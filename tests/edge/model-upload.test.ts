import { reset, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, describe, expect, it } from "vitest";
import { digestOf } from "../../edge/blobs/blob-store.ts";
import { directoryOf } from "../../edge/directory/all-campaigns.ts";
import { ABANDONED_AFTER_MS } from "../../edge/directory/upload-notes.ts";
import { ADMIN, expectProblem, send } from "./coordinator.ts";

const MIB = 2 ** 20;
/** A whole part and three bytes. */
const LENGTH = 8 * MIB + 3;

function model(): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(LENGTH);
  // The largest draw that there may be at once.
  for (let i = 0; i < LENGTH; i += 65_536) crypto.getRandomValues(bytes.subarray(i, i + 65_536));
  return bytes;
}

async function upload(digest: string, body: Uint8Array): Promise<Response> {
  return await send(`/api/v1/admin/models/${digest}`, {
    method: "PUT",
    token: ADMIN,
    body,
    headers: { "Content-Length": String(body.length) },
  });
}

async function noted(): Promise<number> {
  return await runInDurableObject(
    directoryOf(env),
    (_, { storage }) => storage.sql.exec("SELECT id FROM uploads").toArray().length,
  );
}

afterEach(async () => {
  await reset();
});

describe("models of several parts", () => {
  it("[P5] are an object only when all came and hashes right; no note of them stays", async () => {
    const bytes = model();
    const digest = await digestOf(bytes);
    await expectProblem(await upload("c".repeat(64), bytes), 422, "digest-mismatch");
    expect((await env.BLOBS.list()).objects).toEqual([]);
    expect(await noted()).toBe(0);

    const stored = await upload(digest, bytes);
    expect(stored.status).toBe(201);
    expect(await stored.json()).toEqual({ digest, bytes: LENGTH });
    const object = await env.BLOBS.get(`blobs/${digest}`);
    expect(await digestOf(new Uint8Array(await object!.arrayBuffer()))).toBe(digest);
    expect(await noted()).toBe(0);
    expect((await upload(digest, bytes)).status).toBe(200);
  });

  it("[P5] that a crash left half stored are aborted after a day, others not", async () => {
    const directory = directoryOf(env);
    const left = await env.BLOBS.createMultipartUpload("blobs/left");
    await left.uploadPart(1, new Uint8Array(5 * MIB));
    const forgotten = await env.BLOBS.createMultipartUpload("blobs/aborted-already");
    await forgotten.abort();
    const recent = await env.BLOBS.createMultipartUpload("blobs/recent");
    const now = Date.now();
    for (const { key, uploadId } of [left, forgotten]) {
      await directory.noteUpload(key, uploadId, now - ABANDONED_AFTER_MS);
    }
    await directory.noteUpload(recent.key, recent.uploadId, now);
    expect(await runDurableObjectAlarm(directory)).toBe(true);

    await expect(left.uploadPart(2, new Uint8Array(5 * MIB))).rejects.toThrow();
    await recent.uploadPart(1, new Uint8Array(5 * MIB));
    expect(await noted()).toBe(1);
    // Looked at again when the next is due.
    const alarm = await runInDurableObject(directory, (_, { storage }) => storage.getAlarm());
    expect(alarm).toBe(now + ABANDONED_AFTER_MS);
  });
});
