import { reduceCoordinate, type CoordinateRule } from "./coordinate-rules.ts";
import type { Mixtures } from "./gram.ts";

/**
 * What becomes of a run of coordinates by a rule that decides each by itself.
 *
 * @param updates by contribution; every array as long as the run
 * @param out as long as the run
 */
export function combineRun(
  updates: readonly Float64Array[],
  mixtures: Mixtures,
  rule: CoordinateRule,
  out: Float64Array,
): void {
  const rows = mixtures.map((row) =>
    row.flatMap((share, i) => (share === 0 ? [] : [{ values: updates[i]!, share }])),
  );
  const values = new Float64Array(mixtures.length);
  for (let j = 0; j < out.length; j++) {
    for (const [k, parts] of rows.entries()) {
      let value = 0;
      for (const part of parts) value += part.share * part.values[j]!;
      values[k] = value;
    }
    out[j] = reduceCoordinate(rule, sorted(values));
  }
}

/** In place. By insertion: a round has tens of values a coordinate, and millions of coordinates. */
function sorted(values: Float64Array): Float64Array {
  for (let i = 1; i < values.length; i++) {
    const value = values[i]!;
    let at = i;
    for (; at > 0 && values[at - 1]! > value; at--) values[at] = values[at - 1]!;
    values[at] = value;
  }
  return values;
}
