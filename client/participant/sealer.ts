import {
  fingerprint,
  isVouchedFor,
  type VouchedDevice,
} from "../../protocol/privacy/identities/organisation.ts";
import type { Sealer } from "../../protocol/privacy/two-operators/sealed-seed.ts";
import type { Privacy } from "../../protocol/round/privacy.ts";
import { ParticipantError } from "./participant-error.ts";
import type { Identity } from "./wire/identity.ts";
import { signBytes } from "./wire/signing-key.ts";

/** An organisation's word that a device is one of its own, in one campaign (SPEC M4.2). */
export type Voucher = (
  campaign: string,
  device: string,
) => Promise<Pick<VouchedDevice, "organisation" | "vouch">>;

/**
 * What this participant seals seeds with in a private campaign.
 *
 * @param voucher undefined where nobody vouches for it
 * @throws ParticipantError `not-vouched-for`, saying what is missing.
 */
export async function sealerOf(
  privacy: Privacy,
  { campaign, key, participant }: Identity,
  voucher: Voucher | undefined,
): Promise<Sealer> {
  if (voucher === undefined) {
    throw notVouchedFor(
      "this campaign is private, and nobody vouches for this participant: join from the command line with `scour join --organisation-key FILE`, the key of an organisation that the campaign pins",
    );
  }
  if (key === undefined) {
    throw notVouchedFor(
      "this participant enrolled without a key that could be vouched for: join with another identity",
    );
  }
  const device = key.publicKey;
  const { organisation, vouch } = await voucher(campaign, device);
  const vouched = { device, organisation, vouch };
  if (!privacy.organisations.includes(organisation)) {
    throw notVouchedFor(
      `the campaign does not pin the organisation ${fingerprint(organisation)}: its organiser has to make a campaign that does, or give the key of one that it pins`,
    );
  }
  if (!(await isVouchedFor(vouched, campaign, privacy.organisations))) {
    throw notVouchedFor(
      "the voucher does not hold for this campaign and device: ask for a new one",
    );
  }
  return { ...vouched, participant, sign: (bytes) => signBytes(key, bytes) };
}

function notVouchedFor(message: string): ParticipantError {
  return new ParticipantError("not-vouched-for", message);
}
