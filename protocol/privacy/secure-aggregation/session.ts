import { bytesToHex, hexToBytes, utf8ToBytes } from "@noble/hashes/utils.js";
import { z } from "zod";
import { canonicalJson } from "../../canonical-json.ts";
import { sha256, type Digest } from "../../digest.ts";
import { participantIdSchema, publicKeySchema, signatureSchema } from "../../round/identifiers.ts";
import { isVouchedFor, vouchedDeviceSchema } from "../identities/organisation.ts";
import { isSignedBy, signedLines } from "../identities/signatures.ts";
import { requireCrowd, roundDigest, unsafe, type PrivateRound } from "../private-round.ts";

/** Most participants of a group: every one of them masks against every other (SPEC M7.1). */
const MOST_IN_A_GROUP = 32;

/** A participant's keys of one session, made for it alone (SPEC M7.2). */
const advertisementSchema = z.strictObject({
  participant: participantIdSchema,
  ...vouchedDeviceSchema.shape,
  /** X25519: what is sealed for it. */
  encryption: publicKeySchema,
  /** X25519: what it masks with. */
  masking: publicKeySchema,
  /** By the device. */
  signature: signatureSchema,
});
export type Advertisement = z.infer<typeof advertisementSchema>;

/** Who masks together, and under what. */
export interface Session {
  readonly round: PrivateRound;
  /** Ascending by participant. A participant's x (Shamir) is its place, from 1. */
  readonly roster: readonly Advertisement[];
  /** S: of the round and of the ordered roster, the salt of all that is derived (SPEC M7.3). */
  readonly digest: Digest;
  /** t > 2n/3: shares that rebuild a secret, and signatures without which none is given (SPEC M7.4). */
  readonly threshold: number;
}

/** The session of those who advertised keys for a round. */
export function sessionOf(round: PrivateRound, advertisements: readonly Advertisement[]): Session {
  const roster = advertisements.toSorted((a, b) => (a.participant < b.participant ? -1 : 1));
  const text = `scour/masked-session/v1\n${roundDigest(round)}\n${canonicalJson(roster)}`;
  return {
    round,
    roster,
    digest: sha256(utf8ToBytes(text)),
    threshold: Math.floor((2 * roster.length) / 3) + 1,
  };
}

/** What a device signs of its keys: under the round that it saw. */
export function advertisementBytes(
  round: PrivateRound,
  advertisement: Omit<Advertisement, "signature">,
): Uint8Array<ArrayBuffer> {
  const digest = sha256(utf8ToBytes(canonicalJson({ ...advertisement, signature: undefined })));
  return signedLines(["scour/mask-keys/v1", roundDigest(round), digest]);
}

/** What a participant signs of those whose masked values arrived (SPEC M7.6). */
export function survivorsBytes(
  { digest }: Pick<Session, "digest">,
  survivors: readonly string[],
): Uint8Array<ArrayBuffer> {
  return signedLines(["scour/survivors/v1", digest, ...survivors.toSorted()]);
}

/**
 * Refuses a roster that one should not mask with.
 *
 * @throws ProtocolError `unsafe-sum`, saying why.
 */
export async function requireSession({ roster, round }: Session): Promise<void> {
  if (roster.length > MOST_IN_A_GROUP) {
    throw unsafe(`the group has ${roster.length} participants, more than ${MOST_IN_A_GROUP}`);
  }
  requireCrowd(round, roster, "the roster");
  const keys = roster.flatMap(({ encryption, masking, participant }) => [
    encryption,
    masking,
    participant,
  ]);
  if (new Set(keys).size !== keys.length) throw unsafe("the roster names a key or somebody twice");
  for (const entry of roster) {
    if (!(await isVouchedFor(entry, round.campaign, round.organisations))) {
      throw unsafe(`no organisation that the campaign pins vouches for ${entry.participant}`);
    }
    if (!(await isSignedBy(entry.device, entry.signature, advertisementBytes(round, entry)))) {
      throw unsafe(
        `${entry.participant} did not sign its keys under this round, student and configuration`,
      );
    }
  }
}

/** Bytes of a key or digest that stands in hexadecimal. */
export function keyBytes(hex: string): Uint8Array<ArrayBuffer> {
  return hexToBytes(hex) as Uint8Array<ArrayBuffer>;
}

/** A key, digest or share as text. */
export function keyText(bytes: Uint8Array): string {
  return bytesToHex(bytes);
}
