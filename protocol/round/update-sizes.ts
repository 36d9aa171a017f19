import { z } from "zod";
import { participantIdSchema } from "./identifiers.ts";

/** How large an update is, and what it was scaled by before the mean was taken (SPEC O1, O5). */
export const updateSizeSchema = z.object({
  /** L2 norm over its trainable values. */
  norm: z.number().nonnegative(),
  /** The same of what it does to running statistics as it was sent, each in its channel's unit (O6). */
  statisticsNorm: z.number().nonnegative(),
  /** 1 where it is within the rule's bound. */
  factor: z.number().min(0).max(1),
  statisticsFactor: z.number().min(0).max(1),
});
export type UpdateSize = z.output<typeof updateSizeSchema>;

/** One accepted update of a round. */
export const updateReportSchema = z.object({
  round: z.int().nonnegative(),
  attempt: z.int().nonnegative(),
  participant: participantIdSchema,
  /** Examples that it weighs. */
  weight: z.number().nonnegative(),
  /** null until it is combined, and in rounds that combine nothing. */
  size: updateSizeSchema.nullable(),
});
export type UpdateReport = z.output<typeof updateReportSchema>;

/** The updates of a round beside one another. */
export const sizeSummarySchema = z.object({
  smallest: z.number(),
  /** Of an even number the smaller of the two in the middle. */
  median: z.number(),
  largest: z.number(),
  /** How many were scaled down, in weights or in statistics. */
  clipped: z.int().nonnegative(),
});
export type SizeSummary = z.output<typeof sizeSummarySchema>;

/** Sums up the updates of a round; null where none was measured. */
export function summariseSizes(sizes: readonly UpdateSize[]): SizeSummary | null {
  if (sizes.length === 0) return null;
  const norms = sizes.map(({ norm }) => norm).sort((a, b) => a - b);
  return {
    smallest: norms[0]!,
    median: norms[Math.floor((norms.length - 1) / 2)]!,
    largest: norms.at(-1)!,
    clipped: sizes.filter((size) => isClipped(size)).length,
  };
}

/** Less than this is what rounding makes of a factor of 1. */
const SCALED_DOWN = 1 - 1e-9;

/** Whether less than all of an update was taken. */
export function isClipped({ factor, statisticsFactor }: UpdateSize): boolean {
  return factor < SCALED_DOWN || statisticsFactor < SCALED_DOWN;
}
