import { vouchBytes } from "../../protocol/privacy/identities/organisation.ts";
import type { Sealer } from "../../protocol/privacy/two-operators/sealed-seed.ts";
import { makeKeyPair, type KeyPair } from "./key-pair.ts";

/** Vouches for a device of one's organisation. */
export async function vouched(
  organisation: KeyPair,
  campaign: string,
  device: string,
): Promise<{ device: string; organisation: string; vouch: string }> {
  const vouch = await organisation.sign(vouchBytes(campaign, device));
  return { device, organisation: organisation.publicKey, vouch };
}

/** So many participants, of these organisations in turn. */
export function makeSealers(
  count: number,
  campaign: string,
  organisations: readonly KeyPair[],
): Promise<Sealer[]> {
  return Promise.all(
    Array.from({ length: count }, async (_, i) => {
      const key = await makeKeyPair();
      const organisation = organisations[i % organisations.length]!;
      return {
        ...(await vouched(organisation, campaign, key.publicKey)),
        participant: `p-${String.fromCharCode(97 + i).repeat(20)}`,
        sign: key.sign,
      };
    }),
  );
}
