import type { MiddlewareHandler } from "hono";
import { ProtocolError } from "../protocol/errors.ts";
import { PROTOCOL_HEADER, PROTOCOL_VERSION } from "../protocol/round/version.ts";
import type { AppEnvironment } from "./environment.ts";

/** Refuses requests that name another protocol version (SPEC P1). */
export const protocolVersion: MiddlewareHandler<AppEnvironment> = async (context, next) => {
  const spoken = context.req.header(PROTOCOL_HEADER);
  if (spoken !== undefined && spoken.trim() !== String(PROTOCOL_VERSION)) {
    throw new ProtocolError(
      "unsupported-version",
      `the request speaks version '${spoken}', this coordinator speaks ${PROTOCOL_VERSION}: use a client of the same release (reload the page)`,
      { supported: [PROTOCOL_VERSION] },
    );
  }
  await next();
};
