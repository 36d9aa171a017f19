import type { Context } from "hono";
import { HTTPException } from "hono/http-exception";
import { ProtocolError } from "../protocol/errors.ts";

/** Hono's own refusals (malformed JSON, mostly) in our terms. */
function asProtocolError(error: Error): ProtocolError {
  if (error instanceof ProtocolError) return error;
  if (error instanceof HTTPException && error.status < 500) {
    return new ProtocolError("malformed-request", `${error.message}: correct the request`);
  }
  console.error(error);
  return new ProtocolError(
    "internal",
    "the coordinator failed while it answered; its log says why. Repeating the request is safe",
  );
}

/** The one place where errors become RFC 9457 problem documents (SPEC P2). */
export function problemResponse(error: Error): Response {
  const problem = asProtocolError(error);
  const headers = new Headers({
    "Content-Type": "application/problem+json",
    "Cache-Control": "no-store",
  });
  if (problem.status === 401) headers.set("WWW-Authenticate", 'Bearer realm="scour"');
  const { retryAfterSeconds, contentRange } = problem.extensions;
  if (typeof retryAfterSeconds === "number") headers.set("Retry-After", String(retryAfterSeconds));
  if (typeof contentRange === "string") headers.set("Content-Range", contentRange);
  return new Response(JSON.stringify(problem.toProblem()), { status: problem.status, headers });
}

export function notFound(context: Context): Response {
  return problemResponse(
    new ProtocolError(
      "not-found",
      `${context.req.method} ${context.req.path} is no route of this coordinator; /api/v1/openapi.json lists them`,
    ),
  );
}
