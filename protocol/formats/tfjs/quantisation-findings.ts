import type { JsonFile } from "../bundle/folder.ts";
import type { Finding } from "../finding.ts";
import { coarseGrids } from "./grids.ts";
import type { FloatWeight } from "./read-weights.ts";

/** Above this many names the rest is counted. */
const MOST_NAMED = 3;

const HOW_TO_WIDEN = "`campaign export` and `simulate` write float32 instead with --float32";

/** What whoever has a file of quantised weights should know of the one that comes back. */
export function quantisationFindings(json: JsonFile, weights: readonly FloatWeight[]): Finding[] {
  const findings: Finding[] = [];
  const halves = weights.filter(({ storage }) => storage.kind === "float16");
  const numbered = weights.filter(({ storage }) => "min" in storage);
  if (halves.length > 0) {
    findings.push({
      rule: "float16-weights",
      level: "note",
      message: `${halves.length} of ${weights.length} weights are stored as float16: what comes back is rounded to it, each value by less than 1/2048 of it; ${HOW_TO_WIDEN}`,
    });
  }
  if (numbered.length === 0) return findings;
  const [coarsest] = [...numbered].sort((a, b) => scaleOf(b) - scaleOf(a));
  const kinds = [...new Set(numbered.map(({ storage }) => storage.kind))].join(" and ");
  findings.push({
    rule: "quantised-weights",
    level: "note",
    message: `${numbered.length} of ${weights.length} weights are stored as ${kinds}: what comes back is rounded to such numbers again, each value by at most half a step, ${(scaleOf(coarsest!) / 2).toPrecision(2)} in '${coarsest!.name}' as its values now are; ${HOW_TO_WIDEN}`,
    where: coarsest!.name,
  });
  const coarse = coarseGrids(json, numbered);
  if (coarse.length > 0) {
    const named = coarse.slice(0, MOST_NAMED).map((name) => `'${name}'`);
    const more = coarse.length > MOST_NAMED ? ` and ${coarse.length - MOST_NAMED} more` : "";
    findings.push({
      rule: "coarse-quantisation",
      level: "warning",
      message: `the numbers by which ${named.join(", ")}${more} are stored cannot be made finer in this file: changes of less than half a step of theirs are lost; ${HOW_TO_WIDEN}`,
      where: coarse[0]!,
    });
  }
  return findings;
}

function scaleOf({ storage }: FloatWeight): number {
  return "min" in storage ? storage.scale : 0;
}
