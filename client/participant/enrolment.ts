import { bytesToHex } from "@noble/hashes/utils.js";
import { ProtocolError } from "../../protocol/errors.ts";
import type { ImageShape } from "../../protocol/model/graph.ts";
import type { CampaignView } from "../../protocol/round/access.ts";
import type { CoordinatorClient } from "./coordinator-client.ts";
import { identitySchema, type Identity, type IdentityStore } from "./identity.ts";
import type { InviteLink } from "./invite-url.ts";
import { retrying, type RetryOptions } from "./retry.ts";

export interface EnrolmentOptions {
  readonly link: InviteLink;
  readonly label: string | undefined;
  /** As the wire takes it. */
  readonly device: string;
  /** Awaited before an enrolment takes a use of the invite: what fails here costs nothing. */
  readonly prepare: (shape: ImageShape) => Promise<void>;
  readonly randomBytes: (length: number) => Uint8Array;
  readonly identities: IdentityStore;
  readonly clientFor: (token: string) => CoordinatorClient;
  readonly retry: RetryOptions;
}

/** Under which name an identity store keeps the identity for an invite's campaign. */
export function identityKey({ campaign, origin }: InviteLink): string {
  return `${origin}/${campaign}`;
}

/**
 * Comes back as who this participant was, or enrols with the invite and remembers the credential.
 *
 * @throws ProtocolError when the invite or the participant is refused; whatever `prepare` throws.
 */
export async function joinCampaign(
  options: EnrolmentOptions,
): Promise<{ readonly identity: Identity; readonly view: CampaignView }> {
  const { clientFor, device, identities, label, link, prepare, randomBytes, retry } = options;
  const key = identityKey(link);
  const known = identitySchema.safeParse(await identities.load(key)).data;
  if (known !== undefined) {
    try {
      const client = clientFor(known.credential);
      return { identity: known, view: await retrying(() => client.campaign(retry.signal), retry) };
    } catch (error) {
      // A coordinator that was set up anew knows nobody; the invite may still be good.
      const unknown = error instanceof ProtocolError && [401, 404].includes(error.status);
      if (!unknown) throw error;
      await identities.forget(key);
    }
  }
  const client = clientFor(link.token);
  const offer = await retrying(() => client.preview(retry.signal), retry);
  await prepare(offer.inputShape);
  const request = {
    key: bytesToHex(randomBytes(16)),
    ...(label === undefined ? {} : { label }),
    backend: device,
  };
  const reply = await retrying(() => client.enrol(request, retry.signal), retry);
  const identity: Identity = {
    campaign: reply.campaign.id,
    participant: reply.participant,
    credential: reply.credential,
  };
  await identities.save(key, identity);
  return { identity, view: reply.campaign };
}
