import { expect } from "vitest";
import { connect } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { BOUNDS_MS } from "../patience.ts";

/** Requests written byte by byte, as no client library would send them. */

export interface RawAnswer {
  /** 0 when the connection closed, or nothing came in time, without an answer. */
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  /** Whether the other end closed the connection. */
  readonly closed: boolean;
}

export interface RawRequest {
  readonly port: number;
  /** Pieces that are written one after another; a number is a pause, ms. */
  readonly pieces: readonly (string | number)[];
  /** Hangs up once everything is written. */
  readonly hangUp?: boolean;
}

/** Sends pieces over one connection and waits for the first answer, whole. */
export async function sendRaw(request: RawRequest): Promise<RawAnswer> {
  const { hangUp = false, pieces, port } = request;
  const socket = connect(port, "127.0.0.1");
  const seen = { text: "", closed: false };
  socket.setEncoding("latin1").on("data", (chunk: string) => void (seen.text += chunk));
  const ended = new Promise<void>((resolve) => {
    socket.once("close", () => {
      seen.closed = true;
      resolve();
    });
  });
  socket.on("error", () => socket.destroy());
  const write = async (): Promise<void> => {
    for (const piece of pieces) {
      if (typeof piece === "number") await delay(piece);
      else if (socket.writable) socket.write(piece, "latin1");
    }
  };
  const written = write();
  if (hangUp) {
    await written;
    socket.end();
    await delay(50);
    socket.destroy();
  }
  const giveUpAt = Date.now() + BOUNDS_MS.integration.wait;
  while (!seen.closed && !isWhole(seen.text) && Date.now() < giveUpAt) {
    await Promise.race([ended, delay(10)]);
  }
  const answer = parse(seen.text);
  // A server that closes says so in its answer.
  if (answer.headers["connection"] === "close") {
    await Promise.race([ended, delay(Math.max(0, giveUpAt - Date.now()))]);
  }
  const { closed, text } = seen;
  socket.destroy();
  await written;
  return { ...parse(text), closed };
}

/** A request with its usual headers. */
export function rawRequest(
  line: string,
  headers: readonly string[] = [],
  body = "",
): readonly string[] {
  return [[`${line} HTTP/1.1`, "Host: localhost", ...headers, "", body].join("\r\n")];
}

function parse(text: string): Omit<RawAnswer, "closed"> {
  const end = text.indexOf("\r\n\r\n");
  const [status = "", ...lines] = text.slice(0, Math.max(0, end)).split("\r\n");
  const headers = lines.map((line): [string, string] => {
    const colon = line.indexOf(":");
    return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
  });
  return {
    status: Number(/^HTTP\/1\.1 (\d{3})/.exec(status)?.[1] ?? 0),
    headers: Object.fromEntries(headers),
    body: end < 0 ? "" : text.slice(end + 4),
  };
}

function isWhole(text: string): boolean {
  const end = text.indexOf("\r\n\r\n");
  if (end < 0) return false;
  const { headers, status } = parse(text);
  if (status === 101) return true;
  if (headers["transfer-encoding"] === "chunked") return text.endsWith("0\r\n\r\n");
  return text.length - end - 4 >= Number(headers["content-length"] ?? 0);
}

/** Expects a problem document of this code and status. */
export function expectProblem(answer: RawAnswer, status: number, code: string): void {
  expect(answer).toMatchObject({ status, headers: { "content-type": "application/problem+json" } });
  expect(JSON.parse(answer.body)).toMatchObject({ type: `urn:scour:problem:${code}`, status });
}
