import { z } from "zod";
import { MAX_SLICE_VALUES } from "../../model/state-layout.ts";
import { MOST_IN_A_SUM, privateRoundSchema } from "../private-round.ts";
import type { WordBits } from "../vector/words.ts";
import { sealedSeedSchema } from "./sealed-seed-schema.ts";

const MOST_PIECES = 2 ** 32;

/**
 * The piece of a mask that hides a slice. Words of 16 bits lie in even pieces and those of 32 in odd ones,
 * so that no piece is ever summed as both: the carries between them would tell something of single masks
 * (SPEC M8.1).
 */
export function pieceOf(slice: number, bits: WordBits): number {
  return 2 * slice + (bits === 32 ? 1 : 0);
}

/** Bits of a piece's words. */
export function bitsOf(piece: number): WordBits {
  return piece % 2 === 0 ? 16 : 32;
}

/** Asks a helper for the sum of one piece of a set's masks (SPEC M8.2). */
export const maskSumRequestSchema = z.strictObject({
  round: privateRoundSchema,
  seeds: z.array(sealedSeedSchema).min(1).max(MOST_IN_A_SUM),
  piece: z.int().nonnegative().lt(MOST_PIECES),
  /** Words of the piece. */
  count: z.int().positive().max(MAX_SLICE_VALUES),
});
export type MaskSumRequest = z.infer<typeof maskSumRequestSchema>;

/** Where a helper is asked, beneath its address. */
export const HELPER_PATHS = { about: "/api/v1/helper", sums: "/api/v1/helper/sums" } as const;

/** What a helper says of itself to anybody. */
export const helperAboutSchema = z.object({
  /** X25519, hexadecimal: what a campaign names. */
  key: z.string(),
  /** The same as people compare it (SPEC M4.1). */
  fingerprint: z.string(),
  version: z.string(),
});
