import { signVote } from "../../../client/participant/wire/sign-commit.ts";
import { signBytes } from "../../../client/participant/wire/signing-key.ts";
import { renewalBytes } from "../../../protocol/round/signing.ts";
import { UPLOAD_LIMITS } from "../../../protocol/round/upload.ts";
import type { ServedRoute } from "./served-routes.ts";
import type { Volunteer } from "./volunteer.ts";
import type { CampaignWorld } from "./world.ts";

export interface BodyOptions {
  readonly campaign: CampaignWorld;
  readonly volunteer: Volunteer;
  /** Slice whose frame is sent. */
  readonly index: number;
  readonly signs: boolean;
}

/** A body that the route takes; where this file does not know the route, an empty object. */
export async function plainBody(
  { method, path }: ServedRoute,
  options: BodyOptions,
): Promise<Buffer> {
  const { campaign, index } = options;
  const route = path.replace("/api/v1", "");
  switch (`${method} ${route}`) {
    case "PUT /admin/models/{digest}/parts/{index}":
      return campaign.model.bytes;
    case "PUT /rounds/{round}/{attempt}/slices/{index}":
      return campaign.frames[index]!;
    default:
      return Buffer.from(JSON.stringify(await jsonFor(route, options)));
  }
}

async function jsonFor(route: string, options: BodyOptions): Promise<unknown> {
  const { campaign, volunteer } = options;
  switch (route) {
    case "/admin/models/{digest}":
      return { bytes: campaign.model.bytes.length, partBytes: UPLOAD_LIMITS.leastPartBytes };
    case "/admin/campaigns":
      return campaign.config;
    case "/admin/campaigns/{id}/invites":
      return { uses: 2, places: 1, expiresInSeconds: 3600, organisation: "an organisation" };
    case "/admin/administrators":
      return { name: "an administrator", role: "read", expiresInSeconds: 3600 };
    case "/enrol":
      return {
        key: "00112233445566778899aabbccddeeff",
        publicKey: volunteer.identity.key!.publicKey,
        label: "a label",
        backend: "none",
      };
    case "/renew":
      return await renewal(options);
    case "/check-in":
      return { imagesPerSecond: 100, backend: "none" };
    case "/rounds/{round}/{attempt}/refuse":
      return { reason: "broken-student", found: "student" };
    case "/rounds/{round}/{attempt}/vote":
      return await signVote(
        campaign.attempt,
        { candidate: 0, comparison: null, seconds: 1, backend: "none" },
        volunteer.identity,
      );
    case "/rounds/{round}/{attempt}/commit":
      return campaign.commits.get(volunteer.id);
    default:
      return {};
  }
}

/** Asks for a credential, with a signature that holds or one that does not. */
async function renewal({ signs, volunteer }: BodyOptions): Promise<unknown> {
  const { campaign, id: participant, identity } = volunteer;
  const who = { campaign, participant, time: Date.now() };
  const signature = signs ? await signBytes(identity.key!, renewalBytes(who)) : "00".repeat(64);
  return { ...who, signature };
}
