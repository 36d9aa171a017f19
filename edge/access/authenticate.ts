import type { MiddlewareHandler } from "hono";
import { ProtocolError } from "../../protocol/errors.ts";
import { BEARER_SUBPROTOCOL_PREFIX, EVENT_SUBPROTOCOL } from "../../protocol/round/events.ts";
import { reaches, type Role } from "../../protocol/round/administration.ts";
import type { AdministratorIdentity, AppEnvironment, Environment } from "../environment.ts";
import { administratorOf } from "./administrator.ts";
import { signingKeys } from "./secrets.ts";
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

/** Permits administrators: to read each, to act those who may (SPEC A10). */
export const requireAdmin: MiddlewareHandler<AppEnvironment> = async (context, next) => {
  const token = bearerToken(context.req.header("Authorization"));
  const administrator = await administratorOf(context.env, token);
  if (administrator === undefined) {
    // A token of ours, but of the wrong kind, is worth another message than a wrong one.
    const claims = await verifyToken(signingKeys(context.env), token).catch(() => undefined);
    if (claims !== undefined) throw wrongKind(claims, "an administrator's token");
    throw new ProtocolError(
      "unauthenticated",
      "this is no administrator's token: 'npm run scour -- serve' prints where its own lies (SCOUR_ADMIN_TOKEN)",
    );
  }
  context.set("administrator", administrator);
  requireRole(administrator, READING.has(context.req.method) ? "read" : "run");
  await next();
};

const READING = new Set(["GET", "HEAD"]);

/** Permits who may act, where what is read lets whoever has it act: invites. After `requireAdmin`. */
export const mayRun: MiddlewareHandler<AppEnvironment> = async (context, next) => {
  requireRole(context.get("administrator")!, "run");
  await next();
};

/** Permits who may name administrators and read what they did; comes after `requireAdmin`. */
export const requireOwner: MiddlewareHandler<AppEnvironment> = async (context, next) => {
  requireRole(context.get("administrator")!, "own");
  await next();
};

function requireRole({ name, role }: AdministratorIdentity, wanted: Role): void {
  if (reaches(role, wanted)) return;
  throw new ProtocolError(
    "forbidden",
    `the administrator ${name} has the role '${role}': this takes '${wanted}'`,
  );
}

function wrongKind(claims: TokenClaims, wanted: string): ProtocolError {
  const given = claims.kind === "invite" ? "an invite" : "a participant's credential";
  return new ProtocolError("forbidden", `the token is ${given}: this route takes ${wanted}`);
}

async function claimsOf(environment: Environment, token: string): Promise<TokenClaims> {
  const keys = signingKeys(environment);
  if ((await administratorOf(environment, token)) !== undefined) {
    throw new ProtocolError(
      "forbidden",
      "the token is an administrator's: this route takes a participant's or an invite",
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

/** Permits participants and administrators, who leave `participant` unset. */
export const requireReader: MiddlewareHandler<AppEnvironment> = async (context, next) => {
  const token = bearerToken(context.req.header("Authorization"));
  const isConfigured = context.env.SCOUR_ADMIN_TOKEN !== undefined;
  if (isConfigured && (await administratorOf(context.env, token)) !== undefined) {
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
