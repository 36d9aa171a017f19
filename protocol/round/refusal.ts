import { z } from "zod";

/** What a participant found when it could not work with a round's student (SPEC J12). */
export const refuseRequestSchema = z.strictObject({
  reason: z.literal("broken-student"),
  /**
   * `student`: its values are not finite, or a variance is negative. `answers`: its answers to images are
   * not, though the teacher's are. `loss`: local steps from it diverge. `update`: what came of them is
   * nothing that may be sent (SPEC U4, U8).
   */
  found: z.enum(["student", "answers", "loss", "update"]),
});
export type RefuseRequest = z.output<typeof refuseRequestSchema>;
export type FoundBroken = RefuseRequest["found"];

export const refuseReplySchema = z.object({ round: z.int(), attempt: z.int() });
export type RefuseReply = z.output<typeof refuseReplySchema>;

/** Who refused the student of an attempt. */
export const refusalReportSchema = z.object({
  participant: z.string(),
  found: refuseRequestSchema.shape.found,
});
export type RefusalReport = z.output<typeof refusalReportSchema>;
