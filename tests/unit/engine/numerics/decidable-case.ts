import { L2, comparisons } from "./closeness.ts";
import {
  drawCase,
  optionsOf,
  type NumericCase,
  type Outcome,
  type Scenario,
} from "./numeric-case.ts";
import type { RandomGraph } from "./random-graph.ts";
import { ReferenceSession, type Storage } from "./reference-session.ts";
import { allclose } from "./to-be-allclose.ts";

/** Float32 cannot tell on which side of a threshold a value nearer than this lies. */
const UNDECIDABLE = 4e-6;
/** A variance below this share of mean² is what rounding the values leaves of it. */
const NARROW = 1e-3;
/** A component under this share of the gradient's largest may have either sign. */
const UNDECIDABLE_SIGN = 1e-4;
/** A place in pixels nearer than this to where a sample's slope jumps may be on either side. */
const UNDECIDABLE_PLACE = 1e-4;
/** Share of the tolerance that rounding what is stored to float32 may use up by itself. */
const ROUNDING_SHARE = 0.1;
const REDRAWS = 50;

/**
 * Draws values for a network and computes with the reference what a scenario should see.
 *
 * Some kinds of draws say nothing about an engine and are replaced, so that no tolerance need be
 * loosened for them. A rectifier's gradient jumps at 0 and agreement jumps where two logits are
 * equal: no value may come within `UNDECIDABLE` of such a jump; likewise no gradient whose sign is
 * taken within `UNDECIDABLE_SIGN` of 0, nor a place of a warp within `UNDECIDABLE_PLACE`. A batch norm magnifies what little
 * difference there is between all but equal values: see `NARROW`. And where terms all but cancel
 * (the gradient of one weight before a norm, which is blind to the weight's size), storing values
 * in float32 alone would use the tolerance up: the reference with float32 storage must stay within
 * `ROUNDING_SHARE` of it.
 */
export async function decidableCase(
  network: RandomGraph,
  normGroupSize: number | undefined,
  seed: number,
  scenario: Scenario,
): Promise<{ drawn: NumericCase; expected: Outcome }> {
  for (let draw = 0; draw < REDRAWS; draw++) {
    const drawn = drawCase(network, normGroupSize, seed + 7 * draw);
    const exact = reference(drawn, "float64");
    const expected = await scenario(exact, drawn);
    if (Math.min(exact.rectifierMargin, exact.smallestLead) < UNDECIDABLE) continue;
    if (exact.normSpread < NARROW || exact.signMargin < UNDECIDABLE_SIGN) continue;
    if (exact.warpMargin < UNDECIDABLE_PLACE) continue;
    const rounded = await scenario(reference(drawn, "float32"), drawn);
    const pairs = comparisons(drawn, rounded, expected, ROUNDING_SHARE * L2);
    if (pairs.every((pair) => allclose(pair.actual, pair.expected, pair.closeness).pass)) {
      return { drawn, expected };
    }
  }
  throw new Error(`none of ${REDRAWS} draws can be told from another in float32`);
}

function reference(drawn: NumericCase, storage: Storage): ReferenceSession {
  const session = new ReferenceSession(optionsOf(drawn), storage);
  session.load(drawn.student);
  return session;
}
