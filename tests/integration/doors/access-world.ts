import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { AdminClient } from "../../../client/admin/admin-client.ts";
import { parseInviteUrl } from "../../../client/participant/wire/invite-url.ts";
import type { CoordinatorProcess } from "../../bench/doors/coordinator-process.ts";
import {
  forged,
  payloadExchanged,
  payloadOf,
  unsigned,
} from "../../bench/doors/mutations/tokens.ts";
import { withToken } from "../../bench/doors/plain-request.ts";
import { withHeader, type RawRequest } from "../../bench/doors/raw-request.ts";
import { enrol } from "../../bench/doors/volunteer.ts";
import { makeCampaign, type CampaignWorld } from "../../bench/doors/world.ts";
import type { Caller } from "./access-table.ts";

/** Campaigns A and B run, `spare` is for what the administrator changes, `ended` was aborted. */
export interface AccessWorld {
  readonly coordinator: CoordinatorProcess;
  readonly a: CampaignWorld;
  readonly b: CampaignWorld;
  readonly spare: CampaignWorld;
  readonly ended: CampaignWorld;
  /** Tokens of everybody but strangers. */
  readonly tokens: Readonly<Record<Exclude<Caller, "stranger">, string>>;
}

export async function makeAccessWorld(coordinator: CoordinatorProcess): Promise<AccessWorld> {
  const admin = new AdminClient(coordinator.url, coordinator.adminToken);
  const [a, b, spare, ended] = [
    await makeCampaign(admin, { seed: 11, volunteers: 2 }),
    await makeCampaign(admin, { seed: 12, volunteers: 1 }),
    await makeCampaign(admin, { seed: 13, volunteers: 1 }),
    await makeCampaign(admin, { seed: 14, volunteers: 1 }),
  ];
  await admin.act(ended.id, "abort");
  const removed = await enrol((await admin.invite(a.id, { uses: 1 })).url);
  await admin.removeParticipant(a.id, removed.id);
  const invite = async (request: { uses: number; expiresInSeconds?: number }) => {
    const { id, url } = await admin.invite(a.id, request);
    return { id, url, token: parseInviteUrl(url).token };
  };
  const expired = await invite({ uses: 9, expiresInSeconds: 1 });
  const revoked = await invite({ uses: 9 });
  await admin.revokeInvite(a.id, revoked.id);
  const usedUp = await invite({ uses: 1 });
  await enrol(usedUp.url);
  const [first, second] = a.volunteers;
  // An expiry is a whole second; a clock's jitter must not make it now.
  await delay(2500);
  return {
    coordinator,
    a,
    b,
    spare,
    ended,
    tokens: {
      invite: a.inviteToken,
      "expired invite": expired.token,
      "revoked invite": revoked.token,
      "used-up invite": usedUp.token,
      participant: first!.credential,
      "participant of another campaign": b.volunteers[0]!.credential,
      "removed participant": removed.credential,
      "participant with an expired credential": await expiredCopy(coordinator, second!.credential),
      "participant of an ended campaign": ended.volunteers[0]!.credential,
      administrator: coordinator.adminToken,
    },
  };
}

/** The same token, of an hour ago: signed with the coordinator's own key. */
async function expiredCopy({ stateDir }: CoordinatorProcess, token: string): Promise<string> {
  const key = (await readFile(join(stateDir, "signing-key"), "utf8")).trim();
  const past = Math.floor(Date.now() / 1000) - 3600;
  const claims = { ...payloadOf(token), iat: past - 86_400, exp: past };
  return await forged(claims, new TextEncoder().encode(key));
}

/** What strangers try; every way must end alike. */
export const STRANGERS: Readonly<
  Record<string, (request: RawRequest, token: string) => RawRequest | Promise<RawRequest>>
> = {
  "no token": (request) => request,
  garbage: (request) => withToken(request, "garbage"),
  "another key": async (request, token) =>
    withToken(request, await forged(payloadOf(token), Buffer.alloc(32, 1))),
  "no algorithm": (request, token) => withToken(request, `${unsigned("none", payloadOf(token))}.`),
  "exchanged claims": (request, token) => withToken(request, payloadExchanged(token)),
  Basic: (request, token) =>
    withHeader(request, "Authorization", `Basic ${Buffer.from(`x:${token}`).toString("base64")}`),
  "token in the query": (request, token) => ({
    ...request,
    target: `${request.target}?token=${token}&access_token=${token}`,
  }),
};
