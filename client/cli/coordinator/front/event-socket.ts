import type { IncomingMessage } from "node:http";
import type { Socket } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { ProtocolError } from "../../../../protocol/errors.ts";
import { checkHandshake, openTunnel } from "./event-tunnel.ts";
import type { FrontParts } from "./front-parts.ts";
import { shownToken } from "./known-tokens.ts";
import { sendRawProblem } from "./problem-answer.ts";
import { describeRequest, tooMany } from "./refused.ts";
import { readHeaders } from "./request-headers.ts";
import { readTarget } from "./request-target.ts";

/** What a request for a web socket came on. */
interface Connection {
  readonly socket: Socket;
  /** What came after the request. */
  readonly early: Buffer;
  /** Whether all requests before it are answered. */
  readonly isFree: boolean;
}

/** Opens the event socket for a request that may have it (SPEC E1). */
export function openEventSocket(
  parts: FrontParts,
  request: IncomingMessage,
  { early, isFree, socket }: Connection,
  caller: string,
): void {
  socket.on("error", () => socket.destroy());
  parts.tunnels.add(socket);
  socket.once("close", () => parts.tunnels.delete(socket));
  const { httpVersion, method = "", rawHeaders, url = "" } = request;
  try {
    if (!isFree) {
      // They would end up among the socket's messages (RFC 9112, section 9.3.2).
      throw new ProtocolError(
        "malformed-request",
        "a web socket opens only once all earlier requests of its connection are answered",
      );
    }
    const { framing, passed } = readHeaders(rawHeaders, httpVersion, parts.limits, true);
    const target = readTarget(method, url, parts.pages);
    if (target.kind !== "events" || method !== "GET" || framing.hasBody) {
      throw new ProtocolError("malformed-request", "there is no web socket at this address");
    }
    checkHandshake(passed);
    const now = Date.now();
    // The Worker reads the subprotocol's alone: another beside it must not vouch for what is tried.
    const { authorization: _unread, ...headers } = passed;
    const token = shownToken(headers);
    const isKnown = token !== undefined && parts.tokens.has(token, now);
    if (!isKnown && !parts.strangers.take(caller, now)) {
      throw tooMany("too many requests without a token of this coordinator come from this address");
    }
    openTunnel(socket, early, {
      worker: parts.worker,
      path: target.path,
      headers,
      silenceMs: parts.limits.socketSilenceMs,
      refused: async (status) => {
        if (token !== undefined) parts.tokens.learn(token, target.path, status, Date.now());
        if (status !== 401 || isKnown) return undefined;
        const hold = parts.refusals.note(caller, describeRequest(request), Date.now());
        if (hold === undefined) {
          return tooMany("too many refused logins come from this address", 10);
        }
        socket.once("close", hold.release);
        await delay(hold.holdMs, undefined, { ref: false });
        return undefined;
      },
    });
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error;
    sendRawProblem(socket, error);
  }
}
