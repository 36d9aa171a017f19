import { z } from "zod";
import { participantIdSchema, signatureSchema } from "../../round/identifiers.ts";
import { vouchedDeviceSchema } from "../identities/organisation.ts";
import { SEED_BYTES } from "../masks/keystream.ts";

const hexOf = (bytes: number) =>
  z.string().regex(new RegExp(`^[0-9a-f]{${2 * bytes}}$`), `must be ${bytes} bytes in hexadecimal`);

const KEY_BYTES = 32;
const TAG_BYTES = 16;

/** A participant's seed, which its helper alone can open, and for one round alone. */
export const sealedSeedSchema = z.strictObject({
  participant: participantIdSchema,
  ...vouchedDeviceSchema.shape,
  /** HPKE's encapsulated key. */
  encapsulated: hexOf(KEY_BYTES),
  sealed: hexOf(SEED_BYTES + TAG_BYTES),
  /** By the device (SPEC M6.3). */
  signature: signatureSchema,
});
export type SealedSeed = z.infer<typeof sealedSeedSchema>;

/** Words of what is summed beside an update's values: loss, agreement, and values cut of either section. */
const TOTALS = 4;

/** What goes with the masked slices of an update (SPEC M9.3). */
export const hiddenUpdateSchema = z.strictObject({
  /** Of the mask, for the helper alone. */
  seed: sealedSeedSchema,
  /** The totals' masked words, 32 bits each. */
  totals: hexOf(4 * TOTALS),
});
export type HiddenUpdate = z.infer<typeof hiddenUpdateSchema>;

/** What a round's sum says beside its values (SPEC M9.6). */
export const openedTotalsSchema = z.object({
  participants: z.int().positive(),
  /** Means over the participants. */
  loss: z.number(),
  agreement: z.number(),
  /** Values that were beyond what has a level, of all participants together. */
  cut: z.object({ trainable: z.int(), statistics: z.int() }),
});
export type OpenedTotals = z.infer<typeof openedTotalsSchema>;
