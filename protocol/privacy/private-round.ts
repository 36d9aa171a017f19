import { utf8ToBytes } from "@noble/hashes/utils.js";
import { z } from "zod";
import { canonicalJson } from "../canonical-json.ts";
import { sha256, type Digest } from "../digest.ts";
import { ProtocolError } from "../errors.ts";
import { campaignIdSchema, digestSchema, publicKeySchema } from "../round/identifiers.ts";
import type { VouchedDevice } from "./identities/organisation.ts";

/** Fewest participants whose sum anybody may see: of two, each has the other's (SPEC M5.1). */
export const FEWEST_IN_A_SUM = 3;

/** Fewest organisations that they are of: one alone could have made up the others (SPEC M5.1). */
export const FEWEST_ORGANISATIONS = 2;

/** Most participants of a sum: their sealed seeds go in one request of at most 64 KiB (SPEC P3). */
export const MOST_IN_A_SUM = 64;

/** A helper's X25519 key. */
export const helperKeySchema = z
  .string()
  .regex(/^[0-9a-f]{64}$/, "must be an X25519 key in lower-case hexadecimal");

/**
 * What everybody whose values are summed must have seen alike. Its digest salts every mask and every
 * sealed seed, so that participants who were shown different things have masks that do not cancel
 * (Pasquini, Francati and Ateniese, CCS 2022; SPEC M5.2).
 */
export const privateRoundSchema = z.strictObject({
  version: z.literal(1),
  campaign: campaignIdSchema,
  /** The attempt is not in it: what was opened once for a round is not opened anew. */
  round: z.int().nonnegative(),
  /** Groups of a round are summed apart; no one is in two. */
  group: z.int().nonnegative(),
  /** Over the digests of the student's slices. */
  student: digestSchema,
  teacher: digestSchema,
  /** Of the campaign's configuration. */
  config: digestSchema,
  /** Keys of the organisations that the campaign pins, ascending. */
  organisations: z.array(publicKeySchema).max(64),
  /** m: fewest participants whose sum may be opened. */
  minimum: z.int().min(FEWEST_IN_A_SUM),
  /** Who holds the other half: a helper's X25519 key, or nobody but the participants. */
  helper: helperKeySchema.nullable(),
});
export type PrivateRound = z.infer<typeof privateRoundSchema>;

/** Digest of what everybody must have seen alike (SPEC M5.2). */
export function roundDigest(round: PrivateRound): Digest {
  return sha256(utf8ToBytes(`scour/private-round/v1\n${canonicalJson(round)}`));
}

/** The student of a round as one digest, of the digests of its slices in their order. */
export function studentDigest(slices: readonly string[]): Digest {
  return sha256(utf8ToBytes(`scour/student/v1\n${slices.join("\n")}`));
}

/**
 * Refuses a set of participants that is too small to hide in, or of one organisation.
 *
 * @param what it is that is refused, to begin the message with
 * @throws ProtocolError `unsafe-sum`, saying why.
 */
export function requireCrowd(
  { minimum }: Pick<PrivateRound, "minimum">,
  devices: readonly Pick<VouchedDevice, "device" | "organisation">[],
  what: string,
): void {
  const count = new Set(devices.map(({ device }) => device)).size;
  if (count !== devices.length) throw unsafe(`${what} names a device twice`);
  const fewest = Math.max(minimum, FEWEST_IN_A_SUM);
  if (count < fewest) {
    throw unsafe(
      `${what} has ${count} participants, and fewer than ${fewest} cannot hide in a sum: of two, each subtracts its own and has the other's`,
    );
  }
  const organisations = new Set(devices.map(({ organisation }) => organisation)).size;
  if (organisations < FEWEST_ORGANISATIONS) {
    throw unsafe(
      `${what} is of one organisation alone, which could have made up all of it but one: it takes participants of at least ${FEWEST_ORGANISATIONS}`,
    );
  }
}

/** What is refused because something could be read that must not be. */
export function unsafe(detail: string): ProtocolError {
  return new ProtocolError("unsafe-sum", detail);
}
