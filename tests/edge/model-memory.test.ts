import { env } from "cloudflare:workers";
import { reset } from "cloudflare:test";
import { afterEach, describe, expect, it } from "vitest";
import { composeBlob } from "../../edge/blobs/stored-blob.ts";
import { exportStudent } from "../../edge/campaign/export-student.ts";
import { ByteMeter } from "../../edge/slice/byte-meter.ts";
import { checkSlice, initialiseSlice } from "../../edge/slice/initialise-slice.ts";
import type { Digest } from "../../protocol/digest.ts";
import { MAX_SLICE_VALUES, stateLayout } from "../../protocol/model/state-layout.ts";
import { SEED } from "./coordinator.ts";
import { tinyModel } from "./tiny-model.ts";

afterEach(() => reset());

/** What a slice of float32 takes. */
const SLICE_BYTES = 4 * MAX_SLICE_VALUES;

/** Headers and tables of a file, which are kept. */
const HEAD_BYTES = 2 ** 16;

/** A bucket, and the most bytes that it had given and not got back, heads of files left out. */
function watched(bucket: R2Bucket) {
  const given: ArrayBuffer[] = [];
  let most = 0;
  const watchedObject = (object: R2ObjectBody): R2ObjectBody =>
    proxyOf(object, {
      arrayBuffer: async () => {
        const buffer = await object.arrayBuffer();
        if (buffer.byteLength > HEAD_BYTES) given.push(buffer);
        // One that was given back has no bytes any more.
        most = Math.max(
          most,
          given.reduce((sum, { byteLength }) => sum + byteLength, 0),
        );
        return buffer;
      },
    });
  const watchedBucket = proxyOf(bucket, {
    get: async (key: string, options?: R2GetOptions) => {
      const object = await bucket.get(key, options);
      return object && "arrayBuffer" in object ? watchedObject(object) : object;
    },
  } as Partial<R2Bucket>);
  return { bucket: watchedBucket, mostBytes: () => most };
}

function proxyOf<T extends object>(target: T, instead: Partial<T>): T {
  return new Proxy(target, {
    get: (_, name) => {
      const value: unknown = Reflect.get(name in instead ? instead : target, name);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}

describe("a model that goes through the coordinator", () => {
  const { bytes, digest, graph } = tinyModel({ width: 16 });
  const { slices } = stateLayout(graph);
  const model = { digest, network: {} };

  /** Stored in two parts, which a slice lies across. */
  async function stored(): Promise<void> {
    const cut = Math.floor(bytes.length / 3);
    const parts = [];
    for (const [i, part] of [bytes.slice(0, cut), bytes.slice(cut)].entries()) {
      await env.BLOBS.put(`part-${i}`, part);
      parts.push({ key: `part-${i}`, bytes: part.length });
    }
    await composeBlob(env.BLOBS, digest as Digest, parts);
  }

  it("is held a slice at a time, on its way in and on its way out", async () => {
    await stored();
    const incoming = watched(env.BLOBS);
    const student: string[] = [];
    for (const { index } of slices) {
      await checkSlice(incoming.bucket, model, index, new ByteMeter());
      const work = { model, index, plan: new Map(), norms: new Map(), seed: SEED };
      student.push((await initialiseSlice(incoming.bucket, work, new ByteMeter())).student);
    }
    expect(incoming.mostBytes()).toBeGreaterThan(SLICE_BYTES / 2);
    expect(incoming.mostBytes()).toBeLessThanOrEqual(SLICE_BYTES + HEAD_BYTES);
    const outgoing = watched(env.BLOBS);
    const record = { round: 0, slices: student };
    const answer = await exportStudent(outgoing.bucket, model, record as never, "c-1");
    expect(new Uint8Array(await answer.arrayBuffer())).toEqual(bytes);
    expect(outgoing.mostBytes()).toBeLessThanOrEqual(SLICE_BYTES + HEAD_BYTES);
    expect(slices.length).toBeGreaterThan(2);
  });
});
