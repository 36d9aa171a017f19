import { errors, jwtVerify, SignJWT, type JWTVerifyResult } from "jose";
import { z } from "zod";
import { ProtocolError } from "../../protocol/errors.ts";
import {
  campaignIdSchema,
  inviteIdSchema,
  participantIdSchema,
} from "../../protocol/round/identifiers.ts";

/** Signed with HS256 (RFC 7519, RFC 7518 section 3.2); `exp` is set but in credentials of earlier versions (SPEC P6). */
const claimsSchema = z.discriminatedUnion("kind", [
  z.object({
    kind: z.literal("invite"),
    campaign: campaignIdSchema,
    invite: inviteIdSchema,
  }),
  z.object({
    kind: z.literal("participant"),
    campaign: campaignIdSchema,
    participant: participantIdSchema,
  }),
]);
export type TokenClaims = z.infer<typeof claimsSchema>;

/**
 * Signs a token. The same claims and times give the same token, so an invite's link can be shown
 * again without being stored.
 *
 * @param issuedAt ms since the epoch
 * @param expiresAt ms since the epoch; the token itself never expires without it
 */
export async function signToken(
  key: Uint8Array,
  claims: TokenClaims,
  issuedAt: number,
  expiresAt?: number,
): Promise<string> {
  const token = new SignJWT({ ...claims })
    .setProtectedHeader({ alg: "HS256", typ: "JWT" })
    .setIssuedAt(Math.floor(issuedAt / 1000));
  if (expiresAt !== undefined) token.setExpirationTime(Math.ceil(expiresAt / 1000));
  return await token.sign(key);
}

/**
 * Claims of a token, after its signature was checked.
 *
 * @param keys any of them may have signed it
 *
 * @throws ProtocolError `invite-expired` or `credential-expired`, which tells the coordinator's time
 *   (SPEC A6), or `unauthenticated` for anything else.
 */
export async function verifyToken(
  keys: readonly Uint8Array[],
  token: string,
): Promise<TokenClaims> {
  try {
    const { payload } = await verifyByAny(keys, token);
    return claimsSchema.parse(payload);
  } catch (cause) {
    if (cause instanceof errors.JWTExpired) {
      throw expired(cause.payload);
    }
    throw new ProtocolError(
      "unauthenticated",
      "the token was not issued by this coordinator, or was changed: copy the whole link, or ask for a new invite",
      {},
      { cause },
    );
  }
}

/** Checks against one key after the other. What a key has signed but has expired is final. */
async function verifyByAny(keys: readonly Uint8Array[], token: string): Promise<JWTVerifyResult> {
  for (const key of keys.slice(0, -1)) {
    try {
      return await jwtVerify(token, key, { algorithms: ["HS256"] });
    } catch (error) {
      if (!(error instanceof errors.JWSSignatureVerificationFailed)) throw error;
    }
  }
  return await jwtVerify(token, keys.at(-1)!, { algorithms: ["HS256"] });
}

function expired(payload: unknown): ProtocolError {
  if (claimsSchema.safeParse(payload).data?.kind !== "participant") {
    return new ProtocolError("invite-expired", "the invite has expired: ask for a new one");
  }
  return new ProtocolError(
    "credential-expired",
    "a credential lives for a day, and this one has had its: renew it with POST /api/v1/renew",
    { time: Date.now() },
  );
}
