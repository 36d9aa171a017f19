import type { OpenModel } from "../../protocol/formats/open-model.ts";
import { convolutionsByNorm, standInNorms } from "../../protocol/model/stand-in-norms.ts";

/** Convolutions that are named; `check` names all. */
const MOST_NAMED = 12;

/**
 * Which convolutions get a norm that stands in; undefined where none does.
 *
 * @param model as its campaign has it
 */
export function standInsText({ graph }: OpenModel): string | undefined {
  const norms = standInNorms(graph);
  if (norms.length === 0) return undefined;
  const behind = new Set<string>(norms.map(({ input }) => input));
  const { all } = convolutionsByNorm(graph);
  const names = all.flatMap(({ output, weight }) => (behind.has(output) ? [weight] : []));
  const more = names.length - MOST_NAMED;
  const named = `${names.slice(0, MOST_NAMED).join(", ")}${more > 0 ? ` and ${more} more` : ""}`;
  return `Exporters fold batch norms away: in the student one stands in behind ${norms.length} of ${all.length} convolutions (${named}), and is folded away at export. --no-norms leaves them out.`;
}
