import { z } from "zod";
import type { Digest } from "../../protocol/digest.ts";
import { blobKey } from "./blob-store.ts";
import { giveBack } from "./give-back.ts";

/** An object that holds a run of a blob's bytes. */
export interface BlobPart {
  readonly key: string;
  readonly bytes: number;
}

/** Where a blob's bytes lie: in one object, or in several, one after the other. */
export interface StoredBlob {
  readonly totalBytes: number;
  readonly parts: readonly BlobPart[];
}

/** Marks a blob's object as a list of the objects that hold its bytes. */
const COMPOSED = { form: "parts" };

const partsSchema = z.array(z.strictObject({ key: z.string(), bytes: z.int().positive() }));

/**
 * Makes a blob of objects that are stored already; whoever calls has seen that together they hash to
 * the blob's name. From then on they are the blob, and stay.
 */
export async function composeBlob(
  bucket: R2Bucket,
  digest: Digest,
  parts: readonly BlobPart[],
): Promise<void> {
  await bucket.put(blobKey(digest), JSON.stringify(parts), { customMetadata: COMPOSED });
}

/** Where a blob lies; undefined when there is none of this name. */
export async function findBlob(bucket: R2Bucket, digest: string): Promise<StoredBlob | undefined> {
  const key = blobKey(digest);
  const found = await bucket.head(key);
  if (found === null) return undefined;
  if (found.customMetadata?.["form"] !== COMPOSED.form) {
    return { totalBytes: found.size, parts: [{ key, bytes: found.size }] };
  }
  const list = await bucket.get(key);
  if (list === null) return undefined;
  const parts = partsSchema.parse(await list.json());
  return { totalBytes: parts.reduce((sum, { bytes }) => sum + bytes, 0), parts };
}

/** A run of an object. */
interface Run {
  readonly key: string;
  readonly range: { readonly offset: number; readonly length: number };
}

/** The runs of objects that make up bytes [begin, end) of a blob, in order. */
function runsOf({ parts }: StoredBlob, begin: number, end: number): Run[] {
  const runs: Run[] = [];
  let start = 0;
  for (const { bytes, key } of parts) {
    const from = Math.max(begin, start);
    const to = Math.min(end, start + bytes);
    if (from < to) runs.push({ key, range: { offset: from - start, length: to - from } });
    start += bytes;
  }
  return runs;
}

/** Bytes [begin, end) of a blob, which must be within it; all that their buffer holds. */
export async function readBlobRange(
  bucket: R2Bucket,
  blob: StoredBlob,
  begin: number,
  end: number,
): Promise<Uint8Array<ArrayBuffer>> {
  const runs = runsOf(blob, begin, end);
  const [only] = runs;
  if (only !== undefined && runs.length === 1) return await bytesOfRun(bucket, only);
  const bytes = new Uint8Array(end - begin);
  let at = 0;
  for (const run of runs) {
    const part = await bytesOfRun(bucket, run);
    bytes.set(part, at);
    at += part.length;
    giveBack(part);
  }
  return bytes;
}

/** The same as a stream, which knows its length. A failure breaks it off, short of that. */
export async function streamBlob(
  bucket: R2Bucket,
  blob: StoredBlob,
  begin: number,
  end: number,
): Promise<ReadableStream> {
  const runs = runsOf(blob, begin, end);
  const [only] = runs;
  // As it comes, where that can be: nothing of it passes through here.
  if (only !== undefined && runs.length === 1) {
    return (await readRun(bucket, only)).body;
  }
  const { readable, writable } = new FixedLengthStream(end - begin);
  const pump = async (): Promise<void> => {
    try {
      for (const run of runs) {
        const { body } = await readRun(bucket, run);
        await body.pipeTo(writable, { preventClose: true, preventAbort: true });
      }
      await writable.close();
    } catch (error) {
      // Whoever reads may be gone, too.
      await writable.abort(error).catch(() => undefined);
    }
  };
  void pump();
  return readable;
}

async function bytesOfRun(bucket: R2Bucket, run: Run): Promise<Uint8Array<ArrayBuffer>> {
  return new Uint8Array(await (await readRun(bucket, run)).arrayBuffer());
}

async function readRun(bucket: R2Bucket, { key, range }: Run): Promise<R2ObjectBody> {
  const object = await bucket.get(key, { range });
  if (object === null) throw new Error(`the object '${key}' is missing from storage`);
  return object;
}
