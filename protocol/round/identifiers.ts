import { z } from "zod";
import { cleanText, codePoints } from "../text.ts";

/** SHA-256 in lower-case hexadecimal: the name of every blob. */
export const digestSchema = z
  .string()
  .regex(/^[0-9a-f]{64}$/, "must be a SHA-256 digest in lower-case hexadecimal (64 characters)");

/** Campaign, participant, invite and administrator ids: a kind's letter, a dash, 20 random base-32 characters. */
const identifier = (prefix: string) =>
  z
    .string()
    .regex(new RegExp(`^${prefix}-[a-z2-7]{20}$`), `must be an id that starts with '${prefix}-'`);

export const campaignIdSchema = identifier("c");
export const participantIdSchema = identifier("p");
export const inviteIdSchema = identifier("i");
export const administratorIdSchema = identifier("a");

/** A moment: milliseconds since 1970-01-01T00:00:00Z. */
export const momentSchema = z.int().nonnegative();

/** An Ed25519 public key (RFC 8032): 32 bytes. */
export const publicKeySchema = z
  .string()
  .regex(
    /^[0-9a-f]{64}$/,
    "must be an Ed25519 public key in lower-case hexadecimal (64 characters)",
  );

/** An Ed25519 signature: 64 bytes. */
export const signatureSchema = z
  .string()
  .regex(
    /^[0-9a-f]{128}$/,
    "must be an Ed25519 signature in lower-case hexadecimal (128 characters)",
  );

/** Text for people, of at most so many code points; cleaned as it is read (SPEC P8). */
const textSchema = (most: number) =>
  z
    .string()
    .overwrite(cleanText)
    .refine((text) => codePoints(text) <= most, `must have at most ${most} characters`);

const LABEL_CHARACTERS = 120;
/** Longest name of a device that the wire takes. */
export const DEVICE_CHARACTERS = 200;

/** A name that must say something. */
export const nameSchema = textSchema(LABEL_CHARACTERS).refine(
  (text) => text !== "",
  "must have a character that can be seen",
);

/** What a participant calls itself; empty where nothing of it can be seen. */
export const labelSchema = textSchema(LABEL_CHARACTERS);

/** The device in use, as its driver names it. */
export const deviceSchema = textSchema(DEVICE_CHARACTERS);

/** Longest word of where a model came from. */
export const SOURCE_CHARACTERS = 300;

/** Where a model came from, for people: a file's name, an address. */
export const sourceSchema = textSchema(SOURCE_CHARACTERS);

/** Text as it comes from a coordinator: of an earlier version, or of one that is not trusted. */
export const shownSchema = z.string().overwrite(cleanText);
