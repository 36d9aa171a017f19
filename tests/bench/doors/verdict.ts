import type { Ending } from "./exchange.ts";
import type { FuzzCase } from "./fuzz-case.ts";
import type { RawRequest } from "./raw-request.ts";

/** What anybody may read. */
const OPEN = /^\{"status":"ok"|^\{"openapi":/;

/**
 * What is wrong with how a request ended; undefined when nothing is.
 *
 * @param authority whose right token it had
 */
export function faultOf(
  request: RawRequest,
  ending: Ending,
  authority: FuzzCase["authority"],
): string | undefined {
  if (ending === "hung") return "no answer and no end of the connection";
  if (ending === "garbled") return "an answer that is not HTTP";
  if (ending === "closed") {
    return request.cutShort === true ? undefined : "closed without an answer";
  }
  const { body, headers, status } = ending;
  if (status >= 500) return `status ${status}`;
  const isProblem = headers.get("content-type")?.startsWith("application/problem+json") === true;
  if (status >= 400 && !isProblem) return `status ${status} without a problem document`;
  if (/\n\s+at .*[(:]\d+/.test(body.toString("latin1"))) return "a stack in the answer";
  const opens = status < 300 && body.length > 0 && !OPEN.test(body.toString("latin1"));
  if (authority === "nobody" && (opens || status === 101)) return `status ${status} for nobody`;
  return undefined;
}
