import type { AttemptId } from "../../blobs/update-objects.ts";
import { drawnOrder, roundSeed } from "../combining/round-draw.ts";
import type { Ledger } from "../store/ledger.ts";

/**
 * Who is asked about an attempt's candidates (SPEC K2): of those whose updates it has and who hold images
 * out, the operator's own first, then by chance, from what came. Whoever was removed since is not.
 *
 * @returns in the order drawn
 */
export function votersOf(ledger: Ledger, attempt: AttemptId): readonly string[] {
  const { config, id } = ledger.campaign.read();
  const updates = ledger.commits.accepted(attempt);
  const { rule } = config.aggregation;
  const drawn = drawnOrder(roundSeed(id, attempt, updates), updates.length).flatMap((index) => {
    const { participant, scores } = updates[index]!;
    const { organisation, revoked } = ledger.roster.participant(participant)!;
    if (scores === null || revoked) return [];
    return [{ participant, isRoot: rule.kind === "fltrust" && organisation === rule.root }];
  });
  return [...drawn.filter(({ isRoot }) => isRoot), ...drawn.filter(({ isRoot }) => !isRoot)]
    .slice(0, config.trial?.voters ?? 0)
    .map(({ participant }) => participant);
}
