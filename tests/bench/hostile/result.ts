import * as z from "zod";

const share = z.number().min(0).max(1).nullable();

const figuresSchema = z.strictObject({ acc: share, asr: share, ra: share });
export type Figures = z.output<typeof figuresSchema>;

/**
 * What came of it: `holds`, the model is as good as a clean campaign's; `told`, it is not, and the
 * campaign did not end as success; `FAIL`, it is not, and the campaign said that all is well.
 */
const verdictSchema = z.enum(["holds", "told", "FAIL"]);
export type Verdict = z.output<typeof verdictSchema>;

/** A line of the results' file: one campaign. */
export const resultSchema = z.strictObject({
  format: z.literal("scour-hostile-1"),
  /** Name of the run, from attack, seed and configuration. */
  run: z.string().regex(/^[0-9a-f]{16}$/),
  attack: z.string(),
  about: z.string(),
  hostile: z.int().nonnegative(),
  when: z.enum(["last", "late", "all"]),
  seed: z.int().nonnegative(),
  /** The combining rule, with its settings. */
  rule: z.record(z.string(), z.unknown()),
  /** `--set`, as given. */
  overrides: z.array(z.string()),
  participants: z.int().positive(),
  /** Of the campaign without anybody hostile, under the same rule and seed. */
  clean: figuresSchema,
  /** Of the model that the campaign hands out at its end. */
  after: figuresSchema,
  /** Why it could not be judged. */
  broken: z.string().nullable(),
  state: z.string(),
  detail: z.string().nullable(),
  watchExit: z.int().nullable(),
  said: z.string(),
  /** Words that honest participants failed with. */
  deaths: z.array(z.string()),
  /** Words of the door to hostile ones. */
  refusals: z.array(z.string()),
  /** Longest hostile update over the round's median, in sum of trainable values and of statistics. */
  longest: z.strictObject({ trainable: z.number().nullable(), statistics: z.number().nullable() }),
  roundsCommitted: z.int(),
  uploadedBytes: z.int(),
  seconds: z.number(),
  verdict: verdictSchema,
  machine: z.string(),
  commit: z.string(),
  finishedAt: z.string(),
});
export type HostileResult = z.output<typeof resultSchema>;

/** How much worse than a clean campaign's a model may be. */
const ACC_LOST = 0.03;
const ASR_GAINED = 0.05;

export function verdictOf(
  clean: Figures,
  { after, watchExit }: { readonly after: Figures; readonly watchExit: number | null },
): Verdict {
  const isGood =
    after.acc !== null &&
    after.asr !== null &&
    after.acc > clean.acc! - ACC_LOST &&
    after.asr < clean.asr! + ASR_GAINED;
  if (watchExit === 0) return isGood ? "holds" : "FAIL";
  return "told";
}
