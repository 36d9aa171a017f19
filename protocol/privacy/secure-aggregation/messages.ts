import { z } from "zod";
import { participantIdSchema, publicKeySchema, signatureSchema } from "../../round/identifiers.ts";
import { SHARE_BYTES } from "./shamir.ts";

const hexOf = (bytes: number) =>
  z.string().regex(new RegExp(`^[0-9a-f]{${2 * bytes}}$`), `must be ${bytes} bytes in hexadecimal`);

const TAG_BYTES = 16;

/** A participant's secrets, shared among the others. */
const sharedSecretsSchema = z.strictObject({
  participant: participantIdSchema,
  /** SHA-256 of the secret of its own mask: what is rebuilt is compared with it. */
  selfDigest: publicKeySchema,
  /** For each of the others, what that one alone can open. */
  boxes: z.array(
    z.strictObject({ to: participantIdSchema, box: hexOf(2 * SHARE_BYTES + TAG_BYTES) }),
  ),
});
export type SharedSecrets = z.infer<typeof sharedSecretsSchema>;

/** What the others shared, as the coordinator hands it to one participant. */
const deliverySchema = z.array(
  z.strictObject({ from: participantIdSchema, box: hexOf(2 * SHARE_BYTES + TAG_BYTES) }),
);
export type Delivery = z.infer<typeof deliverySchema>;

/** Whose masked values arrived, signed by one of them. */
const confirmationSchema = z.strictObject({
  participant: participantIdSchema,
  signature: signatureSchema,
});
export type Confirmation = z.infer<typeof confirmationSchema>;

/** One participant's shares: of each other exactly one of the two kinds. */
const revelationSchema = z.strictObject({
  participant: participantIdSchema,
  shares: z.array(
    z.strictObject({
      of: participantIdSchema,
      /** `self` of who arrived, `masking` of who shared secrets and then was gone. */
      kind: z.enum(["self", "masking"]),
      share: hexOf(SHARE_BYTES),
    }),
  ),
});
export type Revelation = z.infer<typeof revelationSchema>;
