import type { Slice, StateLayout } from "../../model/state-layout.ts";
import { firstBound } from "./bounds.ts";
import { exponentFor, type Cohort, type WireSection } from "./fixed-point.ts";

/** Bits of an update's words by section (SPEC M2.1). */
export const SECTION_BITS = { trainable: 16, statistics: 32 } as const;

/** A running statistic may change by so many of its units (SPEC O6.1) before it is cut. */
const STATISTICS_REACH = 2 ** 12;

/** Nats: a mean loss of local steps beyond it is cut. */
const LOSS_REACH = 64;

/** Words of a slice of trainable values: a run for what lies in it of each tensor (SPEC M9.4). */
export function trainableSection(
  { entries, trainableLength }: Pick<StateLayout, "entries" | "trainableLength">,
  { length, offset }: Slice,
  clipNorm: number,
  cohort: Cohort,
): WireSection {
  const bits = SECTION_BITS.trainable;
  const runs = entries.flatMap((entry) => {
    const from = Math.max(offset, entry.offset);
    const to = Math.min(offset + length, entry.offset + entry.size);
    if (from >= to) return [];
    const bound = firstBound(clipNorm, entry.size, trainableLength);
    return [{ length: to - from, exponent: exponentFor(bound, bits, cohort) }];
  });
  return { bits, runs };
}

/**
 * Words of running statistics: a run for each, by what deviations of it are measured in.
 *
 * @param units of the slice's values, by the incoming student (SPEC O6.1)
 */
export function statisticsSection(units: Float32Array, cohort: Cohort): WireSection {
  const bits = SECTION_BITS.statistics;
  const runs = Array.from(units, (unit) => ({
    length: 1,
    exponent: exponentFor(STATISTICS_REACH * unit, bits, cohort),
  }));
  return { bits, runs };
}

/** Words of the totals: loss, agreement, and how many values of either section were cut. */
export function totalsSection(cohort: Cohort): WireSection {
  const bits = SECTION_BITS.statistics;
  const reaching = (bound: number) => ({ length: 1, exponent: exponentFor(bound, bits, cohort) });
  const counts = { length: 2, exponent: 0 };
  return { bits, runs: [reaching(LOSS_REACH), reaching(1), counts] };
}
