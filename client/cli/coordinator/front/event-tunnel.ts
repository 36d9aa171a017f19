import { request, type IncomingMessage } from "node:http";
import type { Socket } from "node:net";
import { ProtocolError } from "../../../../protocol/errors.ts";
import { sendRawProblem } from "./problem-answer.ts";
import { answerHeaders, isOurs, runtimeFailure } from "./relay-answer.ts";
import { unavailable, type WorkerRequests } from "./worker-requests.ts";

/** RFC 6455, section 4.2.1. */
const KEY = /^[A-Za-z0-9+/]{22}==$/;

/** After so much silence the network is asked whether the other end is still there, ms. */
const KEEP_ALIVE_MS = 60_000;

/** Longest refusal of the Worker's that is passed on, bytes. */
const MAX_REFUSAL_BYTES = 64 * 1024;

/** Whether a request wants a web socket, wherever and however. */
export function asksForSocket({ headers }: IncomingMessage): boolean {
  return /(?:^|,)\s*websocket\s*(?:\/|,|$)/i.test(headers.upgrade ?? "");
}

/**
 * Checks a web socket's handshake.
 *
 * @param headers those that are passed on
 * @throws ProtocolError `malformed-request`.
 */
export function checkHandshake(headers: Readonly<Record<string, string>>): void {
  if (headers["sec-websocket-version"] !== "13" || !KEY.test(headers["sec-websocket-key"] ?? "")) {
    throw new ProtocolError(
      "malformed-request",
      "the web socket's handshake needs 'Sec-WebSocket-Version: 13' and a key (RFC 6455)",
    );
  }
}

export interface Tunnel {
  readonly worker: WorkerRequests;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Closes a tunnel through which nothing has gone for so long, ms. */
  readonly silenceMs: number;
  /** Told the status of a refusal; the answer is sent when what it gives back resolves. */
  readonly refused: (status: number) => Promise<ProtocolError | undefined>;
}

/** Asks the Worker for the event socket and, once it is open, joins the two connections. */
export function openTunnel(socket: Socket, early: Buffer, tunnel: Tunnel): void {
  const asked = request({
    path: tunnel.path,
    agent: tunnel.worker.fresh,
    setHost: false,
    headers: {
      ...tunnel.headers,
      host: "coordinator",
      connection: "Upgrade",
      upgrade: "websocket",
    },
  });
  const giveUp = (): void => void asked.destroy();
  socket.once("close", giveUp);
  socket.setTimeout(tunnel.silenceMs, () => socket.destroy());
  asked.on("upgrade", (answer: IncomingMessage, inner: Socket, first: Buffer) => {
    socket.off("close", giveUp);
    socket.write(
      `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n${headerLines(answer)}\r\n`,
    );
    if (first.length > 0) socket.write(first);
    if (early.length > 0) inner.write(early);
    join(socket, inner);
  });
  asked.on("response", (answer) => void refuse(socket, answer, tunnel));
  asked.on("error", () => sendRawProblem(socket, unavailable("the event socket cannot be had")));
  asked.end();
}

function headerLines(answer: IncomingMessage): string {
  const raw = answerHeaders(answer);
  let lines = "";
  for (let i = 0; i < raw.length; i += 2) lines += `${raw[i]}: ${raw[i + 1]}\r\n`;
  return lines;
}

async function refuse(socket: Socket, answer: IncomingMessage, tunnel: Tunnel): Promise<void> {
  const status = answer.statusCode ?? 500;
  const chunks: Buffer[] = [];
  let bytes = 0;
  try {
    for await (const chunk of answer as AsyncIterable<Buffer>) {
      bytes += chunk.length;
      if (bytes > MAX_REFUSAL_BYTES) break;
      chunks.push(chunk);
    }
  } catch {
    return sendRawProblem(socket, unavailable("the answer broke off"));
  }
  if (!isOurs(answer) || bytes > MAX_REFUSAL_BYTES) return sendRawProblem(socket, runtimeFailure());
  const instead = await tunnel.refused(status);
  if (instead !== undefined) return sendRawProblem(socket, instead);
  const body = Buffer.concat(chunks);
  const headers = headerLines(answer).replace(/^content-length:.*\r\n/im, "");
  socket.write(
    `HTTP/1.1 ${status} ${answer.statusMessage ?? ""}\r\n${headers}Content-Length: ${body.length}\r\nConnection: close\r\n\r\n`,
  );
  socket.end(body);
}

/** Joins two connections: bytes go both ways, and the end of one is the end of the other. */
function join(outer: Socket, inner: Socket): void {
  outer.setKeepAlive(true, KEEP_ALIVE_MS);
  pour(outer, inner);
  pour(inner, outer);
}

function pour(from: Socket, to: Socket): void {
  from.once("error", () => to.destroy());
  // What was said last is still sent: an event that closes the socket is heard before it closes.
  from.once("close", () => to.destroySoon());
  from.pipe(to);
}
