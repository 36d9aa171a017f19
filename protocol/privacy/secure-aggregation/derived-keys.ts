import { gcm } from "@noble/ciphers/aes.js";
import { x25519 } from "@noble/curves/ed25519.js";
import { hkdf } from "@noble/hashes/hkdf.js";
import { sha256 } from "@noble/hashes/sha2.js";
import { SEED_BYTES } from "../masks/keystream.ts";
import { unsafe } from "../private-round.ts";
import { signedLines } from "../identities/signatures.ts";
import { SHARE_BYTES } from "./shamir.ts";
import { keyBytes, type Session } from "./session.ts";

/**
 * All that is derived in a session: HKDF-SHA256 (RFC 5869) salted with the session's digest, so that
 * whoever was shown another student, round or roster has other keys (SPEC M7.3).
 */
function derive(
  secret: Uint8Array,
  session: Pick<Session, "digest">,
  ...info: readonly string[]
): Uint8Array<ArrayBuffer> {
  const salt = keyBytes(session.digest);
  return hkdf(sha256, secret, salt, signedLines(info), SEED_BYTES) as Uint8Array<ArrayBuffer>;
}

/**
 * What two key pairs have in common (X25519, RFC 7748).
 *
 * @throws ProtocolError `unsafe-sum` for a key with which everybody has the same in common.
 */
function agreed(ownSecret: Uint8Array, other: string): Uint8Array {
  try {
    return x25519.getSharedSecret(ownSecret, keyBytes(other));
  } catch {
    throw unsafe(
      `the key ${other.slice(0, 8)}… is of low order: what is agreed with it is no secret`,
    );
  }
}

/** The seed of the mask that two participants have in common, the same for both. */
export function pairSeed(
  session: Pick<Session, "digest">,
  maskingSecret: Uint8Array,
  masking: string,
): Uint8Array<ArrayBuffer> {
  return derive(agreed(maskingSecret, masking), session, "scour/pair-mask/v1");
}

/** The seed of the mask that a participant has for itself. */
export function selfSeed(
  session: Pick<Session, "digest">,
  secret: Uint8Array,
): Uint8Array<ArrayBuffer> {
  return derive(secret, session, "scour/self-mask/v1");
}

/** What one participant seals for another: a share of each of its two secrets. */
export interface SharePair {
  /** Of the secret of its own mask. */
  readonly self: Uint8Array;
  /** Of its masking key. */
  readonly masking: Uint8Array;
}

/** A key seals one message, so that its nonce may be fixed. */
const NONCE = new Uint8Array(12);

/** Whose message it is, for whom, and how both come to its key. */
interface Channel {
  readonly session: Pick<Session, "digest">;
  readonly from: string;
  readonly to: string;
  readonly ownSecret: Uint8Array;
  /** The other's encryption key. */
  readonly other: string;
}

function cipherOf({ from, other, ownSecret, session, to }: Channel): ReturnType<typeof gcm> {
  const key = derive(agreed(ownSecret, other), session, "scour/share/v1", from, to);
  return gcm(key, NONCE, signedLines([from, to, session.digest]));
}

/** Seals shares for one other participant: AES-256-GCM (NIST SP 800-38D). */
export function sealShares({ masking, self }: SharePair, channel: Channel): Uint8Array {
  const both = new Uint8Array(2 * SHARE_BYTES);
  both.set(self);
  both.set(masking, SHARE_BYTES);
  return cipherOf(channel).encrypt(both);
}

/** Opens them; undefined where they were sealed by another, for another, or in another session. */
export function openShares(sealed: Uint8Array, channel: Channel): SharePair | undefined {
  try {
    const both = cipherOf(channel).decrypt(sealed);
    if (both.length !== 2 * SHARE_BYTES) return undefined;
    return { self: both.subarray(0, SHARE_BYTES), masking: both.subarray(SHARE_BYTES) };
  } catch {
    return undefined;
  }
}
