import { z } from "zod";

/** How large an update is, and what it was scaled by before the mean was taken (SPEC O1, O5). */
export const updateSizeSchema = z.object({
  /** L2 norm over its trainable values. */
  norm: z.number().nonnegative(),
  /** The same of what it does to running statistics, each in its channel's units (SPEC O6). */
  statisticsNorm: z.number().nonnegative(),
  /** 1 where it is within the rule's bound. */
  factor: z.number().min(0).max(1),
  statisticsFactor: z.number().min(0).max(1),
});
export type UpdateSize = z.output<typeof updateSizeSchema>;
