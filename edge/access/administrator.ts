import { bytesToHex } from "@noble/hashes/utils.js";
import { ProtocolError } from "../../protocol/errors.ts";
import { ADMINISTRATOR_TOKEN_PREFIX } from "../../protocol/round/administration.ts";
import { directoryOf } from "../directory/all-campaigns.ts";
import type { AdministratorIdentity, Environment } from "../environment.ts";
import { adminTokens } from "./secrets.ts";

/** Who has the coordinator's own token, which no administrator can take away. */
const OWNER: AdministratorIdentity = { id: "owner", name: "owner", role: "own" };

async function sha256(text: string): Promise<ArrayBuffer> {
  return await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
}

/** As the directory keeps it. */
export async function tokenHash(token: string): Promise<string> {
  return bytesToHex(new Uint8Array(await sha256(token)));
}

/** Compares digests, so that time tells neither content nor length. */
async function isOwnerToken(environment: Environment, token: string): Promise<boolean> {
  const given = await sha256(token);
  const expected = await Promise.all(adminTokens(environment).map(sha256));
  // All of them, whatever the first says.
  return expected.map((hash) => crypto.subtle.timingSafeEqual(given, hash)).includes(true);
}

/**
 * The administrator whose token it is (SPEC A10); undefined where it is nobody's.
 *
 * @throws ProtocolError `unauthenticated` for a token that has expired or was revoked.
 */
export async function administratorOf(
  environment: Environment,
  token: string,
): Promise<AdministratorIdentity | undefined> {
  if (await isOwnerToken(environment, token)) return OWNER;
  if (!token.startsWith(ADMINISTRATOR_TOKEN_PREFIX)) return undefined;
  const found = await directoryOf(environment).administratorByToken(await tokenHash(token));
  if (found === undefined) return undefined;
  const { expiresAt, id, name, revoked, role } = found;
  if (revoked || expiresAt <= Date.now()) {
    const why = revoked ? "was revoked" : "has expired";
    throw new ProtocolError(
      "unauthenticated",
      `the token of the administrator ${name} ${why}: ask whoever owns the coordinator for a new one`,
    );
  }
  return { id, name, role };
}
