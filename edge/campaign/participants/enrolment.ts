import { ProtocolError } from "../../../protocol/errors.ts";
import type { EnrolReply, EnrolRequest } from "../../../protocol/round/access.ts";
import { isEnded } from "../../../protocol/round/states.ts";
import { campaignView } from "../reports.ts";
import type { Ledger } from "../store/ledger.ts";
import { requireSame } from "./permission.ts";

/**
 * Enrols a participant with an invite, or gives one that asks again its id (SPEC A1, A2).
 *
 * @param fresh id for a participant that is not enrolled yet
 * @throws ProtocolError as `usableInvite` and `requireSame` say, or `campaign-state` after the end.
 */
export function enrol(
  ledger: Ledger,
  invite: string,
  fresh: string,
  request: EnrolRequest,
  now: number,
): Omit<EnrolReply, "credential"> {
  const { state } = ledger.campaign.read();
  const known = ledger.roster.enrolledWith(invite, request.key);
  if (known !== undefined) requireSame(known, request);
  const usable = known ?? ledger.roster.usableInvite(invite, now);
  if (isEnded(state)) {
    throw new ProtocolError(
      "campaign-state",
      `the campaign is ${state}: nobody can join it any more`,
      { state },
    );
  }
  if (!("uses" in usable)) return { participant: usable.id, campaign: campaignView(ledger) };
  ledger.roster.enrol(fresh, usable, request, now);
  return { participant: fresh, campaign: campaignView(ledger) };
}
