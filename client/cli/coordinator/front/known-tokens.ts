import { createHash, createHmac, timingSafeEqual } from "node:crypto";
import { ADMINISTRATOR_TOKEN_PREFIX } from "../../../../protocol/round/administration.ts";
import type { PreviousSecret } from "../../../../protocol/secrets.ts";
import { BEARER_SUBPROTOCOL_PREFIX } from "../../../../protocol/round/events.ts";
import { API_PREFIX } from "../../../../protocol/round/version.ts";

/** How long a named administrator's token is known after the Worker took it, ms. */
const KNOWN_FOR_MS = 300_000;

/** What only administrators are let in to. */
const ADMINISTRATION = `${API_PREFIX}/admin/`;

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
 * owner's, whatever one of its keys has signed, and named administrators' (SPEC A10), of which only the
 * Worker has the hashes, once it has lately let one in. Whether such a token still opens
 * anything is the Worker's to say; here it decides only who is never made to wait for strangers.
 */
export class KnownTokens {
  readonly #secrets: CoordinatorSecrets;
  /** Until when named administrators' tokens are known, by their SHA-256. */
  readonly #named = new Map<string, number>();

  constructor(secrets: CoordinatorSecrets) {
    this.#secrets = secrets;
  }

  /** Whether it is the owner's or a named administrator's. */
  isAdministrator(token: string, now: number): boolean {
    const hash = sha256(token);
    const isOwner = holding(this.#secrets.adminToken, now).some((owner) =>
      timingSafeEqual(hash, sha256(owner)),
    );
    return isOwner || (this.#named.get(hash.toString("hex")) ?? -Infinity) > now;
  }

  /** Learns from what the Worker said to a request with this token. */
  learn(token: string, path: string, status: number, now: number): void {
    if (!token.startsWith(ADMINISTRATOR_TOKEN_PREFIX)) return;
    const hash = sha256(token).toString("hex");
    if (status === 401) this.#named.delete(hash);
    // Other refusals may be given before anybody looks at the token.
    const isTaken = status >= 200 && status < 300 && path.startsWith(ADMINISTRATION);
    if (!isTaken) return;
    for (const [known, until] of this.#named) if (until <= now) this.#named.delete(known);
    this.#named.set(hash, now + KNOWN_FOR_MS);
  }

  has(token: string, now: number): boolean {
    const { signingKey } = this.#secrets;
    if (this.isAdministrator(token, now)) return true;
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
