import { z } from "zod";
import { campaignIdSchema, participantIdSchema } from "../../protocol/round/identifiers.ts";

/** Who this participant is in a campaign: what enrolment gave it (SPEC A2). */
export const identitySchema = z.object({
  campaign: campaignIdSchema,
  participant: participantIdSchema,
  credential: z.string(),
});
export type Identity = z.infer<typeof identitySchema>;

/**
 * Keeps identities, so that a reloaded tab or restarted process stays the same participant. Keys are
 * `<origin>/<campaign id>`. What comes back is checked, so a store may return whatever it finds.
 */
export interface IdentityStore {
  load(key: string): Promise<unknown>;
  save(key: string, identity: Identity): Promise<void>;
  forget(key: string): Promise<void>;
}

/** A store for participants that end with their process. */
export function memoryIdentityStore(): IdentityStore {
  const identities = new Map<string, Identity>();
  return {
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
