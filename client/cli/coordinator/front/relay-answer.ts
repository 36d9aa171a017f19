import type { IncomingMessage, ServerResponse } from "node:http";
import { ProtocolError } from "../../../../protocol/errors.ts";
import { sendProblem } from "./problem-answer.ts";

/** Of one connection (RFC 9110, section 7.6.1), or the runtime's own. */
const KEPT_BACK =
  /^(?:connection|keep-alive|proxy-.*|te|trailer|transfer-encoding|upgrade|mf-.*|cf-.*|server)$/;

/** Headers of the Worker's answer that the caller gets. */
export function answerHeaders(answer: IncomingMessage): string[] {
  const headers: string[] = [];
  for (let i = 0; i < answer.rawHeaders.length; i += 2) {
    const name = answer.rawHeaders[i]!;
    if (!KEPT_BACK.test(name.toLowerCase())) headers.push(name, answer.rawHeaders[i + 1]!);
  }
  return headers;
}

/** Whether an answer is one of the coordinator's own, and no page of the runtime's about itself. */
export function isOurs({ headers, statusCode = 500 }: IncomingMessage): boolean {
  return statusCode < 500 || (headers["content-type"] ?? "").startsWith("application/problem+json");
}

export function runtimeFailure(): ProtocolError {
  return new ProtocolError(
    "internal",
    "the coordinator failed while it answered; its log says why. Repeating the request is safe",
  );
}

/**
 * Sends the Worker's answer on, no faster than the caller takes it. An answer that breaks off breaks
 * off here, too: its length or its last chunk is missing.
 */
export function relayAnswer(
  answer: IncomingMessage,
  response: ServerResponse,
  stalledMs: number,
): void {
  if (!isOurs(answer)) {
    answer.resume();
    sendProblem(response, runtimeFailure());
    return;
  }
  response.writeHead(answer.statusCode ?? 500, answerHeaders(answer));
  // An idle connection is the caller's doing only while bytes wait for it.
  const look = (): void => {
    if (response.writableLength > 0) response.destroy();
    else response.socket?.setTimeout(stalledMs);
  };
  response.setTimeout(stalledMs, look);
  answer.once("error", () => response.destroy());
  answer.once("aborted", () => response.destroy());
  answer.pipe(response);
}
