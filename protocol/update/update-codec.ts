import { z } from "zod";

/** How a campaign's updates are written: the codec of its trainable slices (SPEC U5, U6). */
export const updateCodecSchema = z.enum(["f32", "f16", "int8"]);

export type UpdateCodec = z.output<typeof updateCodecSchema>;

/**
 * The codec of one slice: running statistics always travel as f32 (SPEC U7), since an absolute error
 * that a weight forgives can turn a small variance negative.
 */
export function sliceCodec(codec: UpdateCodec, section: "trainable" | "statistics"): UpdateCodec {
  return section === "statistics" ? "f32" : codec;
}
