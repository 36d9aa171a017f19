import type { MiddlewareHandler } from "hono";
import { secureHeaders } from "hono/secure-headers";
import type { AppEnvironment } from "./environment.ts";

/**
 * A page talks to its own origin only and is framed by nobody; opener and embedder policies make it
 * cross-origin isolated, so that threads may share memory.
 */
const headers = secureHeaders({
  contentSecurityPolicy: {
    defaultSrc: ["'self'"],
    scriptSrc: ["'self'", "'wasm-unsafe-eval'"],
    workerSrc: ["'self'", "blob:"],
    connectSrc: ["'self'"],
    imgSrc: ["'self'", "blob:", "data:"],
    styleSrc: ["'self'", "'unsafe-inline'"],
    frameAncestors: ["'none'"],
    baseUri: ["'none'"],
    formAction: ["'none'"],
  },
  crossOriginOpenerPolicy: "same-origin",
  crossOriginEmbedderPolicy: "require-corp",
  crossOriginResourcePolicy: "same-origin",
  referrerPolicy: "no-referrer",
  xFrameOptions: "DENY",
});

/** Adds the headers to everything but a WebSocket handshake, whose response cannot be changed. */
export const securityHeaders: MiddlewareHandler<AppEnvironment> = (context, next) =>
  context.req.header("Upgrade") === undefined ? headers(context, next) : next();
