import { createHash, createHmac, timingSafeEqual } from "node:crypto";
import type { PreviousSecret } from "../../../../protocol/secrets.ts";
import { BEARER_SUBPROTOCOL_PREFIX } from "../../../../protocol/round/events.ts";

/** A secret that holds for good, or until a moment. */
export interface TimedSecrets {
  readonly present: string;
  readonly previous: PreviousSecret | undefined;
}

/** The coordinator's secrets, as its Worker has them (SPEC P7). */
export interface CoordinatorSecrets {
  readonly adminToken: TimedSecrets;
  readonly signingKey: TimedSecrets;
}

/** The token a request shows, on whichever way; undefined without one. */
export function shownToken(headers: Readonly<Record<string, string>>): string | undefined {
  const bearer = /^bearer +(\S+) *$/i.exec(headers["authorization"] ?? "")?.[1];
  if (bearer !== undefined) return bearer;
  return (headers["sec-websocket-protocol"] ?? "")
    .split(",")
    .map((protocol) => protocol.trim())
    .find((protocol) => protocol.startsWith(BEARER_SUBPROTOCOL_PREFIX))
    ?.slice(BEARER_SUBPROTOCOL_PREFIX.length);
}

/**
 * Tells tokens that this coordinator has given out from all others, without asking the Worker: the
 * administrator's, and whatever one of its keys has signed. Whether such a token still opens
 * anything is the Worker's to say; here it decides only who is never made to wait for strangers.
 */
export class KnownTokens {
  readonly #secrets: CoordinatorSecrets;

  constructor(secrets: CoordinatorSecrets) {
    this.#secrets = secrets;
  }

  isAdmin(token: string, now: number): boolean {
    const hash = sha256(token);
    return holding(this.#secrets.adminToken, now).some((admin) =>
      timingSafeEqual(hash, sha256(admin)),
    );
  }

  has(token: string, now: number): boolean {
    const { signingKey } = this.#secrets;
    if (this.isAdmin(token, now)) return true;
    const end = token.lastIndexOf(".");
    if (end < 0) return false;
    const signature = Buffer.from(token.slice(end + 1), "base64url");
    if (signature.length !== 32) return false;
    const signed = token.slice(0, end);
    return holding(signingKey, now).some((key) =>
      timingSafeEqual(signature, createHmac("sha256", key).update(signed).digest()),
    );
  }
}

function holding({ present, previous }: TimedSecrets, now: number): readonly string[] {
  return previous !== undefined && previous.until > now ? [present, previous.secret] : [present];
}

function sha256(text: string): Buffer {
  return createHash("sha256").update(text).digest();
}
