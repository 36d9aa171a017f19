import { z } from "zod";
import { hexToBytes } from "@noble/hashes/utils.js";
import { sha256 } from "../../digest.ts";
import { publicKeySchema, signatureSchema } from "../../round/identifiers.ts";
import { isSignedBy, signedLines } from "./signatures.ts";

/**
 * A device that takes part for an organisation: the organisation's key, which the campaign pins, has
 * signed the device's, so that a coordinator cannot make one up (SPEC M4).
 */
export const vouchedDeviceSchema = z.strictObject({
  /** The participant's own Ed25519 key (SPEC A2). */
  device: publicKeySchema,
  organisation: publicKeySchema,
  vouch: signatureSchema,
});
export type VouchedDevice = z.infer<typeof vouchedDeviceSchema>;

/** What an organisation signs to vouch for a device in one campaign (SPEC M4.2). */
export function vouchBytes(campaign: string, device: string): Uint8Array<ArrayBuffer> {
  return signedLines(["scour/vouch/v1", campaign, device]);
}

const GROUP_DIGITS = 4;
const SHOWN_DIGITS = 32;

/**
 * A key as people compare it: the first 128 bits of its SHA-256, in groups of four digits (SPEC M4.1).
 *
 * @example
 * fingerprint("d75a9801…"); // "21fe 31df a154 a261 …"
 */
export function fingerprint(key: string): string {
  const digits = sha256(hexToBytes(key)).slice(0, SHOWN_DIGITS);
  return digits.match(new RegExp(`.{${GROUP_DIGITS}}`, "g"))!.join(" ");
}

/** Whether the organisation is one of those pinned, and has vouched for the device in this campaign. */
export async function isVouchedFor(
  { device, organisation, vouch }: VouchedDevice,
  campaign: string,
  pinned: readonly string[],
): Promise<boolean> {
  if (!pinned.includes(organisation)) return false;
  return await isSignedBy(organisation, vouch, vouchBytes(campaign, device));
}
