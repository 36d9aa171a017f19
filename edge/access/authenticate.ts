import type { MiddlewareHandler } from "hono";
import { ProtocolError } from "../../protocol/errors.ts";
import { BEARER_SUBPROTOCOL_PREFIX, EVENT_SUBPROTOCOL } from "../../protocol/round/events.ts";
import type { AppEnvironment, Environment } from "../environment.ts";
import { adminTokens, signingKeys } from "./secrets.ts";
import { verifyToken, type TokenClaims } from "./tokens.ts";

/** The token of `Authorization: Bearer …` (RFC 6750, section 2.1). */
function bearerToken(header: string | undefined): string {
  const token = /^bearer +(\S+) *$/i.exec(header ?? "")?.[1];
  if (token === undefined) {
    throw new ProtocolError(
      "unauthenticated",
      "the request has no token: send 'Authorization: Bearer <token>'",
    );
  }
  return token;
}

async function sha256(text: string): Promise<ArrayBuffer> {
  return await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
}

/** Compares digests, so that time tells neither content nor length. */
async function isAdminToken(environment: Environment, token: string): Promise<boolean> {
  const given = await sha256(token);
  const expected = await Promise.all(adminTokens(environment).map(sha256));
  // All of them, whatever the first says.
  return expected.map((hash) => crypto.subtle.timingSafeEqual(given, hash)).includes(true);
}

/** Permits the administrator alone. */
export const requireAdmin: MiddlewareHandler<AppEnvironment> = async (context, next) => {
  const token = bearerToken(context.req.header("Authorization"));
  if (!(await isAdminToken(context.env, token))) {
    // A token of ours, but of the wrong kind, is worth another message than a wrong one.
    const claims = await verifyToken(signingKeys(context.env), token).catch(() => undefined);
    if (claims !== undefined) throw wrongKind(claims, "the administrator's token");
    throw new ProtocolError(
      "unauthenticated",
      "this is not the administrator's token: 'npm run scour -- serve' prints where it lies (SCOUR_ADMIN_TOKEN)",
    );
  }
  await next();
};

function wrongKind(claims: TokenClaims, wanted: string): ProtocolError {
  const given = claims.kind === "invite" ? "an invite" : "a participant's credential";
  return new ProtocolError("forbidden", `the token is ${given}: this route takes ${wanted}`);
}

async function claimsOf(environment: Environment, token: string): Promise<TokenClaims> {
  const keys = signingKeys(environment);
  if (await isAdminToken(environment, token)) {
    throw new ProtocolError(
      "forbidden",
      "the token is the administrator's: this route takes a participant's or an invite",
    );
  }
  return await verifyToken(keys, token);
}

/** Permits whoever holds an invite. */
export const requireInvite: MiddlewareHandler<AppEnvironment> = async (context, next) => {
  const claims = await claimsOf(context.env, bearerToken(context.req.header("Authorization")));
  if (claims.kind !== "invite") throw wrongKind(claims, "an invite");
  context.set("invite", { campaign: claims.campaign, invite: claims.invite });
  await next();
};

/** Permits enrolled participants; whether one was removed since, its campaign says. */
export const requireParticipant: MiddlewareHandler<AppEnvironment> = async (context, next) => {
  const claims = await claimsOf(context.env, bearerToken(context.req.header("Authorization")));
  if (claims.kind !== "participant") throw wrongKind(claims, "a participant's credential");
  context.set("participant", { campaign: claims.campaign, participant: claims.participant });
  await next();
};

/** Permits participants and the administrator, who leaves `participant` unset. */
export const requireReader: MiddlewareHandler<AppEnvironment> = async (context, next) => {
  const token = bearerToken(context.req.header("Authorization"));
  if (context.env.SCOUR_ADMIN_TOKEN !== undefined && (await isAdminToken(context.env, token))) {
    return await next();
  }
  return await requireParticipant(context, next);
};

/**
 * Permits participants who open the event socket. A browser cannot add headers there, so the
 * credential comes as a subprotocol (SPEC E1).
 */
export const requireSocketParticipant: MiddlewareHandler<AppEnvironment> = async (
  context,
  next,
) => {
  const offered = (context.req.header("Sec-WebSocket-Protocol") ?? "")
    .split(",")
    .map((protocol) => protocol.trim());
  const bearer = offered.find((protocol) => protocol.startsWith(BEARER_SUBPROTOCOL_PREFIX));
  if (!offered.includes(EVENT_SUBPROTOCOL) || bearer === undefined) {
    throw new ProtocolError(
      "unauthenticated",
      `the event socket needs the subprotocols '${EVENT_SUBPROTOCOL}' and '${BEARER_SUBPROTOCOL_PREFIX}<credential>'`,
    );
  }
  const claims = await claimsOf(context.env, bearer.slice(BEARER_SUBPROTOCOL_PREFIX.length));
  if (claims.kind !== "participant") throw wrongKind(claims, "a participant's credential");
  context.set("participant", { campaign: claims.campaign, participant: claims.participant });
  await next();
};
