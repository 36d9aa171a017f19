import { STATUS_CODES, type ServerResponse } from "node:http";
import type { Socket } from "node:net";
import type { ProtocolError } from "../../../../protocol/errors.ts";

/** What a problem document of the front's own looks like on the wire (SPEC P2). */
interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

function answerOf(problem: ProtocolError): Answer {
  const { retryAfterSeconds, allow } = problem.extensions;
  const body = JSON.stringify(problem.toProblem());
  return {
    status: problem.status,
    headers: {
      "Content-Type": "application/problem+json",
      "Content-Length": String(Buffer.byteLength(body)),
      "Cache-Control": "no-store",
      "X-Content-Type-Options": "nosniff",
      "Cross-Origin-Resource-Policy": "same-origin",
      ...(typeof retryAfterSeconds === "number" && { "Retry-After": String(retryAfterSeconds) }),
      ...(typeof allow === "string" && { Allow: allow }),
    },
    body,
  };
}

/** Answers with a problem, unless something was answered already. */
export function sendProblem(
  response: ServerResponse,
  problem: ProtocolError,
  { close = false }: { readonly close?: boolean } = {},
): void {
  if (response.headersSent || response.destroyed) return;
  const { status, headers, body } = answerOf(problem);
  if (close) response.shouldKeepAlive = false;
  response.writeHead(status, headers);
  response.end(response.req.method === "HEAD" ? undefined : body);
}

/** How long a socket that was answered and closed may go on sending into nothing, ms. */
const LINGER_MS = 1000;

/** Answers on a connection that Node's server has no response for, and closes it. */
export function sendRawProblem(socket: Socket, problem: ProtocolError): void {
  if (!socket.writable) {
    socket.destroy();
    return;
  }
  const { status, headers, body } = answerOf(problem);
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  socket.end(
    `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ""}\r\n${lines.join("")}Connection: close\r\n\r\n${body}`,
  );
  // Closed at once, what is still under way would reset the connection before the answer is read.
  socket.resume();
  setTimeout(() => socket.destroy(), LINGER_MS).unref();
}
