import { createConnection } from "node:net";
import { AnswerReader, type Answer } from "./answer-reader.ts";
import { bytesOf, type RawRequest } from "./raw-request.ts";

/** How one request ended. */
export type Ending = Answer | "closed" | "hung" | "garbled";

export interface Wire {
  readonly host: string;
  readonly port: number;
  /** The caller's own address, where the system gives the whole of 127.0.0.0/8 to loopback. */
  readonly from?: string | undefined;
  /** How long answers are waited for, ms. */
  readonly patienceMs: number;
}

/**
 * Sends requests over one connection, all at once, and reads their answers in order. The last may be
 * one whose body is cut short: then this side is closed and the other side's end waited for.
 *
 * @returns an ending for every request: 'closed' where the connection ended first.
 */
export async function exchange(requests: readonly RawRequest[], wire: Wire): Promise<Ending[]> {
  const reader = new AnswerReader(requests.map(({ method }) => method));
  const cutShort = requests.at(-1)?.cutShort === true;
  const { promise, resolve } = Promise.withResolvers<"closed" | "hung" | "garbled">();
  const socket = createConnection({
    host: wire.host,
    port: wire.port,
    ...(wire.from === undefined ? {} : { localAddress: wire.from }),
  });
  socket.setNoDelay(true);
  const giveUp = setTimeout(() => resolve("hung"), wire.patienceMs);
  socket.on("data", (bytes: Buffer) => {
    try {
      if (reader.take(bytes)) resolve("closed");
    } catch {
      resolve("garbled");
    }
  });
  socket.on("end", () => {
    reader.end();
    resolve("closed");
  });
  socket.on("close", () => resolve("closed"));
  // A reset: what was read before it counts, and 'close' follows.
  socket.on("error", () => {});
  socket.write(Buffer.concat(requests.map(bytesOf)));
  if (cutShort) socket.end();
  const ending = await promise.finally(() => clearTimeout(giveUp));
  socket.destroy();
  return requests.map((_, i) => reader.answers[i] ?? ending);
}
