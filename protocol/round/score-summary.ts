import { z } from "zod";
import type { Scores } from "./judging.ts";

const ledToSchema = z.array(z.object({ class: z.int(), participants: z.int() }));

/** What the participants of one round said of the student that it began with. */
export const scoreSummarySchema = z.object({
  /** How many sent scores, and their held-out images together. */
  participants: z.int(),
  images: z.int(),
  /** Means weighted by images. */
  loss: z.number(),
  agreement: z.number(),
  /** Images that the teacher's perturbations mislead it on, and those where students follow. */
  transfer: z.object({
    moved: z.int(),
    followed: z.int(),
    /** Where perturbations that move any lead to, and for how many participants; the most first. */
    classes: ledToSchema.default([]),
  }),
  /** Where displacements that lead any image lead to, likewise. */
  bends: ledToSchema.default([]),
  perturbed: z.array(
    z.object({
      radius: z.number(),
      agreement: z.number(),
      /** Images that left the teacher's answer, by the class they went to, `[classes]`. */
      flips: z.array(z.int()),
      /** The class most of them went to, and its share; null where none left. */
      topClass: z.int().nullable(),
      topShare: z.number().nullable(),
    }),
  ),
  /** Medians over participants, for decisions: no single one can drag them anywhere (SPEC J9). */
  medians: z.object({
    /** Of the local steps' distillation loss, weighted by examples; null in a judging round. */
    trainingLoss: z.number().nullable(),
    loss: z.number(),
    agreement: z.number(),
    /** Followed of moved images, weighted by the latter; null where none moved. */
    transferRate: z.number().nullable(),
    /**
     * Share of images that a perturbation of the smallest norm leads to one class in the teacher; null
     * in summaries from before it was told.
     */
    reach: z.number().nullable().default(null),
    /** Share that displacements half as long as those trained against lead there; null where none told. */
    bendReach: z.number().nullable().default(null),
    perturbed: z.array(z.object({ radius: z.number(), agreement: z.number() })),
  }),
});
export type ScoreSummary = z.output<typeof scoreSummarySchema>;

/** As much of a commit as a summary needs. */
export interface ScoredCommit {
  /** Examples that its update weighs; 0 in a judging round. */
  readonly weight: number;
  readonly loss: number;
  readonly scores: Scores | null;
}

interface Weighted {
  readonly value: number;
  readonly weight: number;
}

/**
 * Weighted median (SPEC J9): the value at which half of the weight lies on either side; where that is
 * a whole gap, its middle. NaN of nothing.
 *
 * @example
 * weightedMedian([{ value: 1, weight: 1 }, { value: 5, weight: 1 }, { value: 9, weight: 3 }]); // 9
 */
export function weightedMedian(values: readonly Weighted[]): number {
  const ascending = values.filter(({ weight }) => weight > 0).sort((a, b) => a.value - b.value);
  const total = ascending.reduce((sum, { weight }) => sum + weight, 0);
  let below = 0;
  for (const [i, { value, weight }] of ascending.entries()) {
    below += weight;
    if (2 * below === total) return (value + ascending[i + 1]!.value) / 2;
    if (2 * below > total) return value;
  }
  return Number.NaN;
}

/**
 * Weights that participants gave themselves, none above the median of those that are positive (of two
 * middle ones the smaller): who claims more than most is not believed more.
 *
 * @example
 * cappedWeights([{ value: 0.1, weight: 15 }, { value: 0.2, weight: 14 }, { value: 1, weight: 64 }]);
 * // weights 15, 14, 15
 */
export function cappedWeights(values: readonly Weighted[]): Weighted[] {
  const given = values.map(({ weight }) => weight).filter((weight) => weight > 0);
  given.sort((a, b) => a - b);
  const most = given[Math.floor((given.length - 1) / 2)] ?? 0;
  return values.map(({ value, weight }) => ({ value, weight: Math.min(weight, most) }));
}

/**
 * Sums up a round's scores; null when nobody sent any. The order of the commits changes a mean's last
 * bits: give them in canonical order (SPEC R8).
 */
export function summariseScores(commits: readonly ScoredCommit[]): ScoreSummary | null {
  const scored = commits.flatMap(({ scores }) => (scores === null ? [] : [scores]));
  if (scored.length === 0) return null;
  const radii = [...new Set(scored.flatMap(({ perturbed }) => perturbed.map((p) => p.radius)))];
  radii.sort((a, b) => a - b);
  const trained = commits.filter(({ weight }) => weight > 0);
  const medianOf = (value: (scores: Scores) => number): number =>
    weightedMedian(
      cappedWeights(scored.map((scores) => ({ value: value(scores), weight: scores.images }))),
    );
  return {
    participants: scored.length,
    images: sumOf(scored, ({ images }) => images),
    loss: meanOver(scored, ({ loss }) => loss),
    agreement: meanOver(scored, ({ agreement }) => agreement),
    transfer: {
      moved: sumOf(scored, ({ transfer }) => transfer.moved),
      followed: sumOf(scored, ({ transfer }) => transfer.followed),
      classes: classesLedTo(
        scored.flatMap(({ transfer }) => (transfer.moved > 0 ? [transfer.class] : [])),
      ),
    },
    bends: classesLedTo(scored.flatMap(({ bend }) => (bend && bend.reach > 0 ? [bend.class] : []))),
    perturbed: radii.map((radius) => perturbedAt(scored, radius)),
    medians: {
      trainingLoss:
        trained.length === 0
          ? null
          : weightedMedian(trained.map(({ loss, weight }) => ({ value: loss, weight }))),
      loss: medianOf(({ loss }) => loss),
      agreement: medianOf(({ agreement }) => agreement),
      transferRate: scored.some(({ transfer }) => transfer.moved > 0)
        ? weightedMedian(
            cappedWeights(
              scored.map(({ transfer: { followed, moved } }) => ({
                value: followed / moved,
                weight: moved,
              })),
            ),
          )
        : null,
      reach: medianOf(({ transfer }) => transfer.reach ?? 1),
      bendReach: bendReachOf(scored),
      perturbed: radii.map((radius) => ({
        radius,
        agreement: weightedMedian(
          cappedWeights(
            atRadius(scored, radius).map(({ images, agreement }) => ({
              value: agreement,
              weight: images,
            })),
          ),
        ),
      })),
    },
  };
}

/** Of those who tell; null where nobody does. */
function bendReachOf(scored: readonly Scores[]): number | null {
  const told = scored.flatMap(({ bend, images }) =>
    bend ? [{ value: bend.reach, weight: images }] : [],
  );
  return told.length === 0 ? null : weightedMedian(cappedWeights(told));
}

function classesLedTo(found: readonly number[]): z.output<typeof ledToSchema> {
  const counts = new Map<number, number>();
  for (const label of found) counts.set(label, (counts.get(label) ?? 0) + 1);
  return Array.from(counts, ([label, participants]) => ({ class: label, participants })).sort(
    (a, b) => b.participants - a.participants || a.class - b.class,
  );
}

function sumOf<T>(items: readonly T[], value: (item: T) => number): number {
  return items.reduce((sum, item) => sum + value(item), 0);
}

function meanOver<T extends { readonly images: number }>(
  items: readonly T[],
  value: (item: T) => number,
): number {
  const images = sumOf(items, (item) => item.images);
  return sumOf(items, (item) => item.images * value(item)) / images;
}

/** What those who scored at this norm said. */
function atRadius(scored: readonly Scores[], radius: number) {
  return scored.flatMap(({ images, perturbed }) =>
    perturbed
      .filter((at) => at.radius === radius)
      .map(({ agreement, flips }) => ({ images, agreement, flips })),
  );
}

function perturbedAt(scored: readonly Scores[], radius: number): ScoreSummary["perturbed"][number] {
  const at = atRadius(scored, radius);
  const classes = Math.max(...at.map(({ flips }) => flips.length));
  const flips = Array.from({ length: classes }, (_, label) =>
    at.reduce((sum, one) => sum + (one.flips[label] ?? 0), 0),
  );
  const flipped = flips.reduce((sum, count) => sum + count, 0);
  const most = Math.max(...flips);
  return {
    radius,
    agreement: meanOver(at, ({ agreement }) => agreement),
    flips,
    topClass: flipped === 0 ? null : flips.indexOf(most),
    topShare: flipped === 0 ? null : most / flipped,
  };
}
