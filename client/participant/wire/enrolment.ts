import { bytesToHex } from "@noble/hashes/utils.js";
import { ProtocolError } from "../../../protocol/errors.ts";
import type { CoordinatorClient, CoordinatorClientOptions } from "./coordinator-client.ts";
import { Credential } from "./credential.ts";
import { identitySchema, type Identity, type IdentityStore } from "./identity.ts";
import { preparationFor, type Preparation } from "../../images/prepare-image.ts";
import { inviteIdOf, type InviteLink } from "./invite-url.ts";
import { makeSigningKey } from "./signing-key.ts";
import { requirePrivacy, requirePrivacyAsTold } from "../private-terms.ts";
import { retrying, type RetryOptions } from "./retry.ts";
import type { ToldCampaign } from "./told-campaign.ts";

export interface EnrolmentOptions {
  readonly link: InviteLink;
  readonly label: string | undefined;
  /** As the wire takes it. */
  readonly device: string;
  /** Awaited before an enrolment takes a use of the invite: what fails here costs nothing. */
  readonly prepare: (preparation: Preparation) => Promise<void>;
  /** Whether an organisation's key was given: what hides nothing is refused then. */
  readonly isVouchedFor: boolean;
  readonly randomBytes: (length: number) => Uint8Array;
  readonly identities: IdentityStore;
  readonly clientFor: (token: CoordinatorClientOptions["token"]) => CoordinatorClient;
  readonly retry: RetryOptions;
}

/** Under which name an identity store keeps the identity for an invite. */
function identityKey({ campaign, origin, token }: InviteLink): string {
  const invite = inviteIdOf(token);
  return invite === undefined ? `${origin}/${campaign}` : `${origin}/${campaign}/${invite}`;
}

/** An identity that a store has, and what renews its credential. */
export async function knownCredential(
  options: Pick<EnrolmentOptions, "clientFor" | "identities" | "link">,
): Promise<Credential | undefined> {
  const { identities, link } = options;
  // An earlier version kept one a campaign.
  for (const key of new Set([identityKey(link), `${link.origin}/${link.campaign}`])) {
    const identity = identitySchema.safeParse(await identities.load(key)).data;
    if (identity !== undefined) return credentialOf(options, key, identity);
  }
  return undefined;
}

function credentialOf(
  { clientFor, identities }: Pick<EnrolmentOptions, "clientFor" | "identities">,
  key: string,
  identity: Identity,
): Credential {
  return new Credential({
    identity,
    ask: (request, signal) => clientFor(undefined).renew(request, signal),
    save: (renewed) => identities.save(key, renewed),
  });
}

/** Who takes part, and in what. */
export interface Membership {
  readonly credential: Credential;
  /** null when the campaign has ended: what is left of it, the credential opens. */
  readonly view: ToldCampaign | null;
}

/**
 * Comes back as who this participant was, or enrols with the invite and remembers who it is now.
 *
 * @throws ProtocolError when the invite or the participant is refused; ParticipantError where the
 *   platform cannot sign, or updates are not hidden as they should be or as was told (SPEC M9.9);
 *   whatever `prepare` throws.
 */
export async function joinCampaign(options: EnrolmentOptions): Promise<Membership> {
  const { clientFor, device, identities, label, link, prepare, randomBytes, retry } = options;
  const { isVouchedFor } = options;
  const key = identityKey(link);
  const known = await knownCredential(options);
  if (known !== undefined) {
    try {
      const client = clientFor(known);
      const view = await retrying(() => client.campaign(retry.signal), retry);
      requirePrivacy(view.config.privacy, isVouchedFor);
      requirePrivacyAsTold(known.identity.privacy, view.config.privacy);
      return { credential: known, view };
    } catch (error) {
      if (error instanceof ProtocolError && error.code === "campaign-ended") {
        return { credential: known, view: null };
      }
      // A coordinator that was set up anew knows nobody; the invite may still be good.
      const unknown = error instanceof ProtocolError && [401, 404].includes(error.status);
      if (!unknown) throw error;
      await identities.forget(key);
    }
  }
  const client = clientFor(link.token);
  const offer = await retrying(() => client.preview(retry.signal), retry);
  requirePrivacy(offer.privacy, isVouchedFor);
  await prepare(preparationFor(offer.inputShape, offer.preparation));
  const signingKey = await makeSigningKey(identities.keepsBytes);
  const request = {
    publicKey: signingKey.publicKey,
    key: bytesToHex(randomBytes(16)),
    ...(label === undefined ? {} : { label }),
    backend: device,
  };
  const reply = await retrying(() => client.enrol(request, retry.signal), retry);
  // Before it is remembered: who comes back compares with what it remembers.
  requirePrivacyAsTold(offer.privacy, reply.campaign.config.privacy);
  const identity: Identity = {
    campaign: reply.campaign.id,
    participant: reply.participant,
    credential: reply.credential,
    key: signingKey,
    ...(offer.privacy !== undefined && { privacy: offer.privacy }),
  };
  await identities.save(key, identity);
  return { credential: credentialOf(options, key, identity), view: reply.campaign };
}
