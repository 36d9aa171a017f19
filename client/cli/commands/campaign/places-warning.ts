import type { Invite } from "../../../../protocol/round/access.ts";
import { minimumUpdates, type CampaignConfig } from "../../../../protocol/round/campaign-config.ts";

/**
 * What to say to who starts a campaign for which too few can come; undefined when enough can. An invite
 * counts if somebody joined with it, or still can.
 */
export function placesWarning(
  policy: CampaignConfig["round"],
  invites: readonly Invite[],
  now: number,
): string | undefined {
  const usable = invites.filter(
    ({ expiresAt, revoked, used }) => used > 0 || (!revoked && expiresAt > now),
  );
  const places = usable.reduce((sum, invite) => sum + filled(invite, now), 0);
  const { goal } = policy;
  if (places >= goal) return undefined;
  const minimum = minimumUpdates(policy);
  const what = `the campaign's invites have ${places} ${places === 1 ? "place" : "places"} in all`;
  const so =
    places < minimum
      ? `a round takes at least ${minimum} updates (--minimum): none will succeed`
      : `a round takes ${goal} updates (--goal): each will wait for its deadline of ${policy.deadlineSeconds} s`;
  return `Note: ${what}, and ${so}. \`invite CAMPAIGN --count ${goal - places}\` makes as many links as are missing.`;
}

/** Places that those who joined, and those who still may, can fill. */
function filled({ expiresAt, places, revoked, used, uses }: Invite, now: number): number {
  const open = !revoked && expiresAt > now;
  return Math.min(places, open ? uses : used);
}
