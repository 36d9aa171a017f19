import { utf8ToBytes } from "@noble/hashes/utils.js";
import { z } from "zod";
import { sha256, type Digest } from "../../../protocol/digest.ts";
import { roundLegSchema } from "../../../protocol/round/assignment.ts";
import { decisionsSchema } from "../../../protocol/round/decisions.ts";
import { scoresSchema } from "../../../protocol/round/judging.ts";
import {
  digestSchema,
  participantIdSchema,
  publicKeySchema,
  signatureSchema,
} from "../../../protocol/round/identifiers.ts";
import { updateSizeSchema } from "../../../protocol/round/update-sizes.ts";
import { canonicalJson } from "../../../protocol/canonical-json.ts";

/** What one link of the chain commits to (SPEC R9). */
export const chainLinkSchema = z.object({
  /** The link before; null for round 0. */
  previous: digestSchema.nullable(),
  round: z.int().nonnegative(),
  attempt: z.int().nonnegative(),
  configuration: digestSchema,
  /** Links from before there were legs and scores lack these, `loss`, `scores` and `decisions`. */
  leg: roundLegSchema.optional(),
  judging: z.boolean().optional(),
  /** Slices of the student that the round began with; none in a statistics round. */
  student: z.array(digestSchema).optional(),
  /** In ascending order of participant id. */
  inputs: z.array(
    z.object({
      participant: participantIdSchema,
      weight: z.number(),
      slices: z.array(digestSchema),
      loss: z.number().optional(),
      scores: scoresSchema.nullable().optional(),
      /** Of what was combined; links from before updates were measured lack it. */
      size: updateSizeSchema.optional(),
      /** Digest of the commit, and who signed it how (SPEC A7); none of participants without a key. */
      commit: digestSchema.optional(),
      key: publicKeySchema.optional(),
      signature: signatureSchema.optional(),
    }),
  ),
  /**
   * Slices of the student that came out: in a judging round those that went in. None in a statistics
   * round: every student₀ follows from `statistics`, the teacher and the configuration.
   */
  outputs: z.array(digestSchema),
  /** Blob of the pooled statistics, in the round that made it (SPEC B6). */
  statistics: digestSchema.optional(),
  /** All that is decided after this round. */
  decisions: decisionsSchema.optional(),
});
export type ChainLink = z.infer<typeof chainLinkSchema>;

function digestOfJson(value: unknown): Digest {
  return sha256(utf8ToBytes(canonicalJson(value)));
}

/** Digest of a configuration as it was when the campaign was made, with all defaults filled in. */
export function configurationDigest(written: unknown): Digest {
  return digestOfJson(written);
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
