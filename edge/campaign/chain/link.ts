import { utf8ToBytes } from "@noble/hashes/utils.js";
import { z } from "zod";
import { canonicalJson } from "../../../protocol/canonical-json.ts";
import { sha256, type Digest } from "../../../protocol/digest.ts";
import { openedTotalsSchema } from "../../../protocol/privacy/two-operators/sealed-seed-schema.ts";
import { roundLegSchema } from "../../../protocol/round/assignment.ts";
import { decisionsSchema } from "../../../protocol/round/decisions.ts";
import {
  digestSchema,
  participantIdSchema,
  publicKeySchema,
  signatureSchema,
} from "../../../protocol/round/identifiers.ts";
import { scoresSchema } from "../../../protocol/round/judging.ts";
import { refuseRequestSchema } from "../../../protocol/round/refusal.ts";
import { trialOutcomeSchema } from "../../../protocol/round/trial/trial-outcome.ts";
import { updateSizeSchema } from "../../../protocol/round/update-sizes.ts";

/** Version of the links that are written now. Those of version 1 do not name theirs. */
export const LINK_VERSION = 2;

const attemptFields = {
  round: z.int().nonnegative(),
  attempt: z.int().nonnegative(),
};

/** Digest of a commit, and who signed it how (SPEC A7): of participants without a key none. */
const signedFields = {
  commit: digestSchema.optional(),
  key: publicKeySchema.optional(),
  signature: signatureSchema.optional(),
};

/** One accepted commit (SPEC R9.1). */
const inputSchema = z.object({
  participant: participantIdSchema,
  weight: z.number(),
  slices: z.array(digestSchema),
  loss: z.number().optional(),
  scores: scoresSchema.nullable().optional(),
  /** Of what was combined; links from before updates were measured lack it. */
  size: updateSizeSchema.optional(),
  ...signedFields,
});

/** A round and what came of it (SPEC R9.5). */
const outcomeFields = {
  ...attemptFields,
  leg: roundLegSchema,
  judging: z.boolean(),
  /** Slices of the student that the round began with; none in a statistics round. */
  student: z.array(digestSchema).optional(),
  /** In ascending order of participant id. */
  inputs: z.array(inputSchema),
  /**
   * Slices of the student that came out: in a judging round those that went in. None in a statistics
   * round: every student₀ follows from `statistics`, the teacher and the configuration.
   */
  outputs: z.array(digestSchema),
  /**
   * By which updates were combined: not always the configured one (SPEC O9). None where nothing was
   * combined; links from before it was written lack it.
   */
  rule: z.string().optional(),
  /** How what came of it was tried, where the campaign has that done (SPEC K10). */
  trial: trialOutcomeSchema.optional(),
  /** What the sum of a private round said beside its values (SPEC M9.6). */
  opened: openedTotalsSchema.optional(),
  /** Blob of the pooled statistics, in the round that made it (SPEC B6). */
  statistics: digestSchema.optional(),
  /** All that is decided after this round. */
  decisions: decisionsSchema,
};

/** A committed round as links of version 1 tell it; the oldest lack what came later (SPEC R9.10). */
const firstVersionSchema = z
  .object(outcomeFields)
  .partial({ leg: true, judging: true, decisions: true })
  .extend({
    version: z.undefined().optional(),
    kind: z.undefined().optional(),
    /** The value after the round before; null for round 0. */
    previous: digestSchema.nullable(),
    configuration: digestSchema,
  });

/** What every link has beside its own (SPEC R9.4). */
const linkFields = {
  version: z.literal(LINK_VERSION),
  /** The value after the link before; null for the first. */
  previous: digestSchema.nullable(),
  configuration: digestSchema,
};

const committedSchema = z.object({
  ...linkFields,
  kind: z.literal("committed"),
  ...outcomeFields,
});

/** An attempt that ended without a result (SPEC R9.6). */
const voidSchema = z.object({
  ...linkFields,
  kind: z.literal("void"),
  ...attemptFields,
  detail: z.string(),
  /** What was accepted by then, in ascending order of participant id. */
  inputs: z.array(inputSchema),
  /** Who could not work with its student (SPEC J12), in the same order. */
  refusals: z.array(
    z.object({ participant: participantIdSchema, found: refuseRequestSchema.shape.found }),
  ),
  decisions: decisionsSchema,
});

/** A commit that was in order and not taken (SPEC R9.7). */
const rejectionSchema = z.object({
  ...linkFields,
  kind: z.literal("rejection"),
  ...attemptFields,
  participant: participantIdSchema,
  reason: z.enum(["goal-reached", "invite-full", "organisation-full", "too-few-images"]),
  ...signedFields,
});

/** The campaign went back to an earlier student (SPEC R9.8). */
const rollbackSchema = z.object({
  ...linkFields,
  kind: z.literal("rollback"),
  /** The round after which, or in which, that was decided. */
  round: z.int().nonnegative(),
  reason: z.enum(["regrowth", "collapse", "mistakes", "broken", "administrator"]),
  /** Rounds committed when the student that was gone back to came out. */
  to: z.int().nonnegative(),
  /** Its slices. */
  student: z.array(digestSchema),
});

/** A participant was removed (SPEC R9.9). */
const removalSchema = z.object({
  ...linkFields,
  kind: z.literal("removal"),
  participant: participantIdSchema,
  /** The attempt that it had a part in, which was dropped. */
  dropped: z.object(attemptFields).nullable(),
});

/** The link of a committed round, of either version. */
export const committedLinkSchema = z.union([committedSchema, firstVersionSchema]);
export type CommittedLink = z.infer<typeof committedLinkSchema>;

/** What one link of the chain commits to (SPEC R9). */
export const chainLinkSchema = z.union([
  z.discriminatedUnion("kind", [
    committedSchema,
    voidSchema,
    rejectionSchema,
    rollbackSchema,
    removalSchema,
  ]),
  firstVersionSchema,
]);
export type ChainLink = z.infer<typeof chainLinkSchema>;

/** A link as it is written now. */
export type NewLink = Extract<ChainLink, { readonly version: typeof LINK_VERSION }>;

/**
 * Digest of a configuration as it was when the campaign was made, with all defaults filled in.
 *
 * A name from before names were cleaned (SPEC P8) may hold half a surrogate pair, for which canonical
 * JSON has no form: it stands as its escape, as in the links that are there already. `JSON.stringify`
 * writes it so, and all else as RFC 8785 does but for the order of members.
 */
export function configurationDigest(written: unknown): Digest {
  return sha256(utf8ToBytes(JSON.stringify(written, ordered)));
}

function ordered(_key: string, value: unknown): unknown {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)));
}

/**
 * Value of the chain after a link; whoever has the links can recompute every value.
 *
 * @example
 * links.reduce((_, link) => chainDigest(link), null); // the last round's `chain`
 */
export function chainDigest(link: ChainLink): Digest {
  return sha256(utf8ToBytes(canonicalJson(link)));
}
