import { expect } from "vitest";
import { chainDigest, type CommittedLink } from "../../edge/campaign/chain/link.ts";
import type { Chained } from "../../edge/campaign/store/chain-store.ts";
import { ADMIN, ask, expectProblem, send } from "./coordinator.ts";

/** All links of a campaign, each of which was held against the one before. */
export async function linksOf(id: string): Promise<Chained[]> {
  const links: Chained[] = [];
  for (;;) {
    const path = `/api/v1/admin/campaigns/${id}/chain/${links.length}`;
    const response = await send(path, { token: ADMIN });
    if (response.status === 404) {
      const { detail } = await expectProblem(response, 404, "not-found");
      expect(detail).toContain(`${links.length} links`);
      return links;
    }
    const next = await response.json<Chained>();
    expect(next.link.previous).toBe(links.at(-1)?.chain ?? null);
    expect(chainDigest(next.link)).toBe(next.chain);
    links.push(next);
  }
}

/** The link of a committed round, by its round. */
export function linkOfRound(id: string, round: number): Promise<Chained<CommittedLink>> {
  return ask(`/api/v1/admin/campaigns/${id}/rounds/${round}/chain`, { token: ADMIN });
}

/** Those of the first rounds. */
export async function linksOfRounds(id: string, count: number) {
  const links = [];
  for (let round = 0; round < count; round++) links.push(await linkOfRound(id, round));
  return links;
}
