import { z } from "zod";
import { campaignIdSchema, participantIdSchema } from "../../../protocol/round/identifiers.ts";
import { privacySchema } from "../../../protocol/round/privacy.ts";
import { signingKeySchema } from "./signing-key.ts";

/** Who this participant is in a campaign: what enrolment gave it (SPEC A2). */
export const identitySchema = z.object({
  campaign: campaignIdSchema,
  participant: participantIdSchema,
  credential: z.string(),
  /** Left out of participants whom an earlier version enrolled. */
  key: signingKeySchema.optional(),
  /** How its updates hide, as it was told before it enrolled; left out where they do not (SPEC M9.9). */
  privacy: privacySchema.optional(),
});
export type Identity = z.infer<typeof identitySchema>;

/**
 * Keeps identities, so that whoever comes back stays the same participant. Keys are
 * `<origin>/<campaign id>/<invite id>`. What comes back is checked, so a store may return whatever it
 * finds.
 */
export interface IdentityStore {
  /** Whether it keeps bytes only, so that private keys must be extractable. */
  readonly keepsBytes: boolean;
  load(key: string): Promise<unknown>;
  save(key: string, identity: Identity): Promise<void>;
  forget(key: string): Promise<void>;
}

/** A store for participants that end with their process. */
export function memoryIdentityStore(): IdentityStore {
  const identities = new Map<string, Identity>();
  return {
    keepsBytes: false,
    load: (key) => Promise.resolve(identities.get(key)),
    save: (key, identity) => {
      identities.set(key, identity);
      return Promise.resolve();
    },
    forget: (key) => {
      identities.delete(key);
      return Promise.resolve();
    },
  };
}
