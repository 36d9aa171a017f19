import type { IncomingMessage } from "node:http";
import { ProtocolError } from "../../../../protocol/errors.ts";

/** Too much at once: not the caller's fault alone, and over in a moment. */
export function tooMany(detail: string, retryAfterSeconds = 1): ProtocolError {
  return new ProtocolError("too-many-requests", `${detail}: try again in a moment`, {
    retryAfterSeconds,
  });
}

/** A request for the log: its method and path, of which only what a route could have is shown. */
export function describeRequest({ method = "", url = "" }: IncomingMessage): string {
  const path = url.replace(/[?#].*$/s, "");
  return `${method} ${path.slice(0, 100).replaceAll(/[^A-Za-z0-9/._~-]/g, "?")}`;
}
