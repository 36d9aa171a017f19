import { findBlob } from "../blobs/stored-blob.ts";

/** Where the parts of a model lie: no route serves them until they are a blob. */
function partPrefix(digest: string): string {
  return `models/${digest}/`;
}

/** Where one part lies; another try at it has another name, so what is stored never changes. */
export function partKey(digest: string, index: number, ofPart: string): string {
  return `${partPrefix(digest)}${index}-${ofPart}`;
}

/**
 * Deletes what an upload left behind: all of it, or, where it became a blob, what is no part of that.
 * May be killed and repeated.
 */
export async function sweepParts(bucket: R2Bucket, digest: string): Promise<void> {
  const blob = await findBlob(bucket, digest);
  const needed = new Set(blob?.parts.map(({ key }) => key));
  let cursor: string | undefined;
  do {
    const page = await bucket.list({ prefix: partPrefix(digest), ...(cursor && { cursor }) });
    const doomed = page.objects.map(({ key }) => key).filter((key) => !needed.has(key));
    if (doomed.length > 0) await bucket.delete(doomed);
    cursor = page.truncated ? page.cursor : undefined;
  } while (cursor !== undefined);
}
