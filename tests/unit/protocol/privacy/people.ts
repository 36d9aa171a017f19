import { bytesToHex } from "@noble/hashes/utils.js";
import { makeSigningKey, signBytes } from "../../../../client/participant/wire/signing-key.ts";
import { vouchBytes } from "../../../../protocol/privacy/identities/organisation.ts";
import type { Sign } from "../../../../protocol/privacy/identities/signatures.ts";
import type { PrivateRound } from "../../../../protocol/privacy/private-round.ts";

export const CAMPAIGN = `c-${"a".repeat(20)}`;

/** Somebody with a device that its organisation vouches for. */
export interface Person {
  readonly participant: string;
  readonly device: string;
  readonly organisation: string;
  readonly vouch: string;
  readonly sign: Sign;
}

/** Two letters that ascend with the number. */
function letters(i: number): string {
  return String.fromCharCode(97 + Math.floor(i / 26), 97 + (i % 26));
}

/** So many people of two organisations in turn, ascending by participant. */
export async function makePeople(count: number): Promise<Person[]> {
  const organisations = [await makeSigningKey(false), await makeSigningKey(false)];
  return Promise.all(
    Array.from({ length: count }, async (_, i) => {
      const organisation = organisations[i % 2]!;
      const key = await makeSigningKey(false);
      return {
        participant: `p-${"a".repeat(18)}${letters(i)}`,
        device: key.publicKey,
        organisation: organisation.publicKey,
        vouch: await signBytes(organisation, vouchBytes(CAMPAIGN, key.publicKey)),
        sign: (bytes: Uint8Array<ArrayBuffer>) => signBytes(key, bytes),
      };
    }),
  );
}

const digest = (byte: number): string => bytesToHex(new Uint8Array(32).fill(byte));

/** A round that pins the organisations of these people. */
export function roundOf(
  people: readonly Person[],
  others: Partial<PrivateRound> = {},
): PrivateRound {
  return {
    version: 1,
    campaign: CAMPAIGN,
    round: 4,
    group: 0,
    student: digest(1),
    teacher: digest(2),
    config: digest(3),
    organisations: [...new Set(people.map(({ organisation }) => organisation))].sort(),
    minimum: 3,
    helper: null,
    ...others,
  };
}
