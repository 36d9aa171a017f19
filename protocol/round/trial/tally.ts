import { z } from "zod";
import { cappedWeights, weightedMedian } from "../score-summary.ts";
import type { Comparison, Examination } from "./examination.ts";

/** What may mislead a student as it misleads the teacher. */
export const WAYS = ["transfer", "shortcuts", "bends"] as const;
export type Way = (typeof WAYS)[number];

/** A participant's word, and who answers for it. */
export interface Vote {
  readonly participant: string;
  /** The invite that it came by, where invites count (SPEC O9.1). */
  readonly party: string;
  readonly comparison: Comparison;
}

/** Medians over those who voted (SPEC J9); each of the candidate and of the student before it. */
const besideSchema = z.object({ candidate: z.number(), last: z.number() });

/** Of how many images together. */
const shareSchema = besideSchema.extend({ images: z.int() });

export const tallySchema = z.object({
  agreement: shareSchema,
  /** Share of disturbed copies with the teacher's clean answer; null where nobody looked at any. */
  kept: shareSchema.nullable(),
  /** Share of the teacher's mistakes that students make too; null where nobody's teacher made any. */
  transfer: shareSchema.nullable(),
  shortcuts: shareSchema.nullable(),
  bends: shareSchema.nullable(),
  /** Agreement less what is followed, the mean of the ways that mislead the voter's teacher. */
  merit: besideSchema,
  /** Every voter's merit of the candidate, in canonical order. */
  said: z.array(z.object({ participant: z.string(), party: z.string(), merit: z.number() })),
});
export type Tally = z.output<typeof tallySchema>;

/** What a candidate's voters together say of it; of none there is no tally. */
export function tallyOf(votes: readonly Vote[]): Tally {
  if (votes.length === 0) throw new RangeError("nobody has voted");
  const medians = (
    weight: (seen: Examination) => number,
    value: (seen: Examination) => number,
  ): z.output<typeof shareSchema> | null => {
    const counted = votes.filter(({ comparison }) => weight(comparison.candidate) > 0);
    if (counted.length === 0) return null;
    const capped = (which: keyof Comparison) =>
      cappedWeights(
        counted.map(({ comparison }) => ({
          value: value(comparison[which]),
          weight: weight(comparison.candidate),
        })),
      );
    const candidate = capped("candidate");
    return {
      candidate: weightedMedian(candidate),
      last: weightedMedian(capped("last")),
      // As capped: one who claims many is not to make chance look small.
      images: candidate.reduce((sum, one) => sum + one.weight, 0),
    };
  };
  const led = (way: Way) =>
    medians(
      (seen) => seen[way].moved,
      (seen) => followedShare(seen, way),
    );
  const merit = medians(imagesOf, meritOf)!;
  return {
    agreement: medians(imagesOf, ({ agreement }) => agreement)!,
    kept: medians(
      ({ copies }) => copies.looked,
      ({ copies }) => copies.kept / copies.looked,
    ),
    transfer: led("transfer"),
    shortcuts: led("shortcuts"),
    bends: led("bends"),
    merit: { candidate: merit.candidate, last: merit.last },
    said: votes.map(({ participant, party, comparison }) => ({
      participant,
      party,
      merit: meritOf(comparison.candidate),
    })),
  };
}

function imagesOf({ images }: Examination): number {
  return images;
}

/** Agreement less what is followed: what J5 and J11.7 choose by, over all ways that are known. */
function meritOf(seen: Examination): number {
  const known = WAYS.filter((way) => seen[way].moved > 0);
  const followed = known.reduce((sum, way) => sum + followedShare(seen, way), 0);
  return seen.agreement - (known.length === 0 ? 0 : followed / known.length);
}

function followedShare(seen: Examination, way: Way): number {
  return seen[way].followed / seen[way].moved;
}
