import { ProtocolError } from "../../protocol/errors.ts";
import { noneMatch, parseRange } from "./byte-range.ts";
import { findBlob, streamBlob } from "./stored-blob.ts";
import { formatDigest } from "../../protocol/content-digest.ts";

/** The blob never changes, but only who holds a credential may have it. */
const CACHE_CONTROL = "private, max-age=31536000, immutable, no-transform";

/**
 * Answers GET or HEAD for a blob with `Range`, `If-Range` and `If-None-Match` (SPEC P4, RFC 9110).
 *
 * @throws ProtocolError `not-found` or `range-not-satisfiable`.
 */
export async function serveBlob(
  bucket: R2Bucket,
  digest: string,
  request: Request,
): Promise<Response> {
  const found = await findBlob(bucket, digest);
  if (found === undefined) throw new ProtocolError("not-found", `there is no blob ${digest}`);
  const tag = `"${digest}"`;
  const headers = new Headers({
    ETag: tag,
    "Cache-Control": CACHE_CONTROL,
    "Accept-Ranges": "bytes",
    "Content-Type": "application/octet-stream",
    "Repr-Digest": formatDigest(digest),
  });
  if (noneMatch(request.headers.get("If-None-Match") ?? undefined, tag)) {
    return new Response(null, { status: 304, headers });
  }
  const ifRange = request.headers.get("If-Range");
  const rangeHeader = ifRange === null || ifRange === tag ? request.headers.get("Range") : null;
  // Range is defined for GET alone (RFC 9110, section 14.2).
  const range =
    request.method === "GET" ? parseRange(rangeHeader ?? undefined, found.totalBytes) : "whole";
  if (range === "unsatisfiable") {
    throw new ProtocolError(
      "range-not-satisfiable",
      `the blob has ${found.totalBytes} bytes, the range '${rangeHeader}' begins behind them`,
      { contentRange: `bytes */${found.totalBytes}` },
    );
  }
  const { offset, length } = range === "whole" ? { offset: 0, length: found.totalBytes } : range;
  headers.set("Content-Length", String(length));
  if (range !== "whole") {
    headers.set("Content-Range", `bytes ${offset}-${offset + length - 1}/${found.totalBytes}`);
  }
  if (request.method === "HEAD") return new Response(null, { headers });
  const body = await streamBlob(bucket, found, offset, offset + length);
  return new Response(body, { status: range === "whole" ? 200 : 206, headers });
}
