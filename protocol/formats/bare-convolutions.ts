import type { Graph } from "../model/graph.ts";
import { convolutionsByNorm } from "../model/stand-in-norms.ts";
import type { Finding } from "./finding.ts";
import type { FoldedNorms } from "./model-file.ts";

/**
 * Which convolutions of a file may have had norms that its writer folded away, and what becomes of them
 * (SPEC L1): nothing where all have theirs.
 *
 * @param graph the file's own
 */
export function bareConvolutions(graph: Graph, { keptBy, rule }: FoldedNorms): Finding[] {
  const { all, bare, places } = convolutionsByNorm(graph);
  if (bare.length === 0) return [];
  const others = bare.length - places.length;
  const left =
    places.length === 0
      ? "they are trained without"
      : `a campaign puts one behind ${others === 0 ? "each" : `${places.length} of them`} in the student, which changes none of its answers and is folded away again at export (--no-norms: none)`;
  const without =
    places.length === 0 || others === 0
      ? ""
      : `; ${others} have no place for one (no bias of their own, or one position) and are trained without`;
  const names = places.map(({ weight }) => weight);
  return [
    {
      rule,
      level: "note",
      message: `${bare.length} of ${all.length} convolutions have no batch norm behind them: ${left}${without}. Where the model has norms, ${keptBy}`,
      ...(names.length > 0 && { where: names.join(", ") }),
    },
  ];
}
