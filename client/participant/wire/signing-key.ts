import { bytesToHex, hexToBytes } from "@noble/hashes/utils.js";
import { z } from "zod";
import { publicKeySchema } from "../../../protocol/round/identifiers.ts";
import { ParticipantError } from "../participant-error.ts";

const ED25519 = { name: "Ed25519" };

/** A participant's Ed25519 key pair (RFC 8032): made before it enrols, the private half never sent. */
export const signingKeySchema = z.object({
  /** Hexadecimal. */
  publicKey: publicKeySchema,
  privateKey: z.custom<CryptoKey>((value) => value instanceof CryptoKey, "must be a CryptoKey"),
});
export type SigningKey = z.infer<typeof signingKeySchema>;

/**
 * Makes a key pair.
 *
 * @param extractable whether the private key may be exported, for a store that keeps bytes only
 * @throws ParticipantError `no-signatures` where the platform cannot.
 */
export async function makeSigningKey(extractable: boolean): Promise<SigningKey> {
  const subtle = subtleCrypto();
  try {
    const pair = (await subtle.generateKey(ED25519, extractable, [
      "sign",
      "verify",
    ])) as CryptoKeyPair;
    const raw = await subtle.exportKey("raw", pair.publicKey);
    return { publicKey: bytesToHex(new Uint8Array(raw)), privateKey: pair.privateKey };
  } catch (cause) {
    throw new ParticipantError(
      "no-signatures",
      "this browser cannot make Ed25519 signatures, with which a participant shows that it is the same one",
      { cause },
    );
  }
}

/** Signature of bytes, hexadecimal. */
export async function signBytes(
  { privateKey }: SigningKey,
  bytes: Uint8Array<ArrayBuffer>,
): Promise<string> {
  return bytesToHex(new Uint8Array(await subtleCrypto().sign(ED25519, privateKey, bytes)));
}

/** A key pair as JSON, for files; the private key must be extractable. */
export async function exportSigningKey({ publicKey, privateKey }: SigningKey): Promise<unknown> {
  const pkcs8 = await subtleCrypto().exportKey("pkcs8", privateKey);
  return { publicKey, privateKey: bytesToHex(new Uint8Array(pkcs8)) };
}

const exportedSchema = z.object({
  publicKey: publicKeySchema,
  privateKey: z.string().regex(/^([0-9a-f]{2})+$/),
});

/** Reads a key pair back from JSON; undefined for what is none. */
export async function importSigningKey(exported: unknown): Promise<SigningKey | undefined> {
  const { data } = exportedSchema.safeParse(exported);
  if (data === undefined) return undefined;
  const pkcs8 = hexToBytes(data.privateKey) as Uint8Array<ArrayBuffer>;
  const privateKey = await subtleCrypto().importKey("pkcs8", pkcs8, ED25519, true, ["sign"]);
  return { publicKey: data.publicKey, privateKey };
}

/** Browsers give it to secure origins only. */
function subtleCrypto(): SubtleCrypto {
  const { subtle } = crypto as { readonly subtle?: SubtleCrypto };
  if (subtle !== undefined) return subtle;
  throw new ParticipantError(
    "no-signatures",
    "this page did not come over HTTPS, and browsers sign nothing for such pages",
  );
}
