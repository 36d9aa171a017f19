import { partsOf, type Expression } from "../../program/loops/expression.ts";
import { lastAxis, rangeOf, timesOf } from "../../program/loops/index-form.ts";
import type { Load } from "./expression-code.ts";

/** Vectors that loads are held in: as many as leave registers for sums. */
const MOST_HELD = 8;

/** Loads that happen whatever conditions say. */
function unconditional(expression: Expression): Load[] {
  if (expression.kind === "load") return [expression];
  return expression.kind === "when" ? [] : partsOf(expression).flatMap(unconditional);
}

/** Loads of a term that are the same for all vectors along an axis. */
export function sharedLoads(term: Expression, axis: number): Load[] {
  return unconditional(term).filter(({ at }) => timesOf(at, axis) === 0);
}

/**
 * Loads that are the same for all terms of a reduction, and inside of what is read wherever the loops
 * are: conditions may keep terms from them, which they then do not matter to.
 *
 * @param rank axes of the output
 * @param lengths of what is read
 * @param count vectors along an axis
 */
export function steadyLoads(
  terms: readonly Expression[],
  extents: readonly number[],
  rank: number,
  lengths: readonly number[],
  count: number,
): Load[] {
  const [first] = terms;
  const loads = terms.length > 0 && first ? loadsOf(first) : [];
  const steady = loads.filter(({ from, at }) => {
    const { least, most } = rangeOf(at, extents);
    return lastAxis(at) < rank && least >= 0 && most < lengths[from]!;
  });
  return steady.slice(0, Math.floor(MOST_HELD / count));
}

function loadsOf(expression: Expression): Load[] {
  return expression.kind === "load" ? [expression] : partsOf(expression).flatMap(loadsOf);
}
