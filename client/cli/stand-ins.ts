import type { OpenModel } from "../../protocol/formats/open-model.ts";
import { convolutionsByNorm, standInNorms } from "../../protocol/model/stand-in-norms.ts";

/** Names that are said; `check --json` has all. */
const MOST_NAMED = 12;

/** The first of many names, and how many more there are. */
export function namesText(names: readonly string[]): string {
  const more = names.length - MOST_NAMED;
  return `${names.slice(0, MOST_NAMED).join(", ")}${more > 0 ? ` and ${more} more` : ""}`;
}

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
  return `Exporters fold batch norms away: in the student one stands in behind ${norms.length} of ${all.length} convolutions (${namesText(names)}), and is folded away at export. --no-norms leaves them out.`;
}
