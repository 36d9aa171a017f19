import { z } from "zod";

/** SHA-256 in lower-case hexadecimal: the name of every blob. */
export const digestSchema = z
  .string()
  .regex(/^[0-9a-f]{64}$/, "must be a SHA-256 digest in lower-case hexadecimal (64 characters)");

/** Campaign, participant and invite ids: a kind's letter, a dash, 20 random base-32 characters. */
const identifier = (prefix: string) =>
  z
    .string()
    .regex(new RegExp(`^${prefix}-[a-z2-7]{20}$`), `must be an id that starts with '${prefix}-'`);

export const campaignIdSchema = identifier("c");
export const participantIdSchema = identifier("p");
export const inviteIdSchema = identifier("i");

/** A moment: milliseconds since 1970-01-01T00:00:00Z. */
export const momentSchema = z.int().nonnegative();

export const labelSchema = z.string().trim().min(1).max(120);
