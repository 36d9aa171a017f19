import { z } from "zod";

/** Most who are asked about one candidate: a median of more says little more. */
const MOST_VOTERS = 15;

/** Whether what a training round came to is tried by participants before it is the student (SPEC K). */
export const trialSettingsSchema = z.strictObject({
  /** Most participants who are asked about a candidate. */
  voters: z.int().min(3).max(MOST_VOTERS).default(MOST_VOTERS),
});
