import { bytesToHex } from "@noble/hashes/utils.js";

export interface KeyPair {
  readonly publicKey: string;
  /** Signature of bytes, hexadecimal. */
  sign(bytes: Uint8Array): Promise<string>;
}

/** An Ed25519 key pair, as a participant makes one. */
export async function makeKeyPair(): Promise<KeyPair> {
  const pair = (await crypto.subtle.generateKey({ name: "Ed25519" }, false, [
    "sign",
    "verify",
  ])) as CryptoKeyPair;
  const raw = (await crypto.subtle.exportKey("raw", pair.publicKey)) as ArrayBuffer;
  return {
    publicKey: bytesToHex(new Uint8Array(raw)),
    sign: async (bytes) =>
      bytesToHex(
        new Uint8Array(await crypto.subtle.sign({ name: "Ed25519" }, pair.privateKey, bytes)),
      ),
  };
}
