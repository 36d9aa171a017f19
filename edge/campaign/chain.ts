import { utf8ToBytes } from "@noble/hashes/utils.js";
import { z } from "zod";
import { sha256, type Digest } from "../../protocol/digest.ts";
import type { CampaignConfig } from "../../protocol/round/campaign-config.ts";
import { digestSchema, participantIdSchema } from "../../protocol/round/identifiers.ts";
import { canonicalJson } from "./canonical-json.ts";

/** What one link of the chain commits to (SPEC R9). */
export const chainLinkSchema = z.object({
  /** The link before; null for round 0. */
  previous: digestSchema.nullable(),
  round: z.int().nonnegative(),
  attempt: z.int().nonnegative(),
  configuration: digestSchema,
  /** In ascending order of participant id. */
  inputs: z.array(
    z.object({
      participant: participantIdSchema,
      weight: z.number(),
      slices: z.array(digestSchema),
    }),
  ),
  /** Slices of the student that came out. */
  outputs: z.array(digestSchema),
});
export type ChainLink = z.infer<typeof chainLinkSchema>;

function digestOfJson(value: unknown): Digest {
  return sha256(utf8ToBytes(canonicalJson(value)));
}

/** Digest of a configuration with all defaults filled in. */
export function configurationDigest(config: CampaignConfig): Digest {
  return digestOfJson(config);
}

/**
 * Value of the chain after a link; whoever has the links can recompute every value.
 *
 * @example
 * links.reduce((_, link) => chainDigest(link), null); // the last round's `chain`
 */
export function chainDigest(link: ChainLink): Digest {
  return digestOfJson(link);
}
