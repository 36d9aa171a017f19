import { z } from "zod";
import { digestSchema } from "./identifiers.ts";

/** How models travel to a coordinator: in parts (SPEC P10). */
export const UPLOAD_LIMITS = {
  /** Longest model file, bytes: 471 million values (S6) and what else a file holds. */
  modelBytes: 2 ** 31,
  leastPartBytes: 2 ** 20,
  /** Platforms take no more than 100 MB in a request. */
  mostPartBytes: 64 * 2 ** 20,
} as const;

const { leastPartBytes, mostPartBytes } = UPLOAD_LIMITS;

/** Begins an upload, or goes on with one. */
export const uploadRequestSchema = z.strictObject({
  /** Of the whole file. */
  bytes: z.int().positive(),
  /** Of every part but the last; an upload that goes on keeps the length it began with. */
  partBytes: z.int().min(leastPartBytes).max(mostPartBytes),
});
export type UploadRequest = z.output<typeof uploadRequestSchema>;

/** How far an upload is. */
export const uploadStateSchema = z.object({
  digest: digestSchema,
  bytes: z.int(),
  /** Whether the model is there, whole and right. */
  complete: z.boolean(),
  partBytes: z.int().positive(),
  /** Indices, from 0, of the parts that are still to come. */
  missing: z.array(z.int()),
});
export type UploadState = z.output<typeof uploadStateSchema>;

/** A part that is stored. */
export const storedPartSchema = z.object({ index: z.int(), digest: digestSchema });

/** In what parts a file comes. */
export type PartSizes = Pick<UploadState, "bytes" | "partBytes">;

/** Number of parts. */
export function partCount({ bytes, partBytes }: PartSizes): number {
  return Math.ceil(bytes / partBytes);
}

/** Length of one part. */
export function partLength({ bytes, partBytes }: PartSizes, index: number): number {
  return Math.min(partBytes, bytes - index * partBytes);
}
