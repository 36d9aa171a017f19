import { Aes256Gcm, CipherSuite, DhkemX25519HkdfSha256, HkdfSha256 } from "@hpke/core";
import { x25519 } from "@noble/curves/ed25519.js";
import { bytesToHex, hexToBytes, utf8ToBytes } from "@noble/hashes/utils.js";
import { canonicalJson } from "../../canonical-json.ts";
import { sha256 } from "../../digest.ts";
import { isVouchedFor, type VouchedDevice } from "../identities/organisation.ts";
import { isSignedBy, signedLines, type Sign } from "../identities/signatures.ts";
import { roundDigest, unsafe, type PrivateRound } from "../private-round.ts";
import type { PlatformKey } from "../web-crypto.ts";
import type { SealedSeed } from "./sealed-seed-schema.ts";

/** RFC 9180, base mode: DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, AES-256-GCM (SPEC M6.2). */
function suite(): CipherSuite {
  return new CipherSuite({
    kem: new DhkemX25519HkdfSha256(),
    kdf: new HkdfSha256(),
    aead: new Aes256Gcm(),
  });
}

/** A helper's key pair, X25519. */
export interface HelperKeys {
  /** Hexadecimal, as invites and campaigns name it. */
  readonly publicKey: string;
  readonly privateKey: PlatformKey;
}

/** Makes a helper's key pair, and its private half as bytes to keep. */
export async function makeHelperKeys(): Promise<HelperKeys & { readonly secret: string }> {
  const { kem } = suite();
  const pair = await kem.generateKeyPair();
  return {
    publicKey: bytesToHex(new Uint8Array(await kem.serializePublicKey(pair.publicKey))),
    privateKey: pair.privateKey,
    secret: bytesToHex(new Uint8Array(await kem.serializePrivateKey(pair.privateKey))),
  };
}

/** A helper's keys from what was kept of them. @throws Error for what are none. */
export async function readHelperKeys(kept: {
  readonly publicKey: string;
  readonly secret: string;
}): Promise<HelperKeys> {
  const privateKey = await suite().kem.deserializePrivateKey(hexToBytes(kept.secret));
  return { publicKey: kept.publicKey, privateKey };
}

/** A helper's keys from its private one, 32 bytes in hexadecimal. */
export function helperKeysOf(secret: string): Promise<HelperKeys> {
  return readHelperKeys({ publicKey: bytesToHex(x25519.getPublicKey(hexToBytes(secret))), secret });
}

/** Who seals, and how it signs. */
export interface Sealer extends VouchedDevice {
  readonly participant: string;
  readonly sign: Sign;
}

/**
 * Seals a seed for the round's helper: only under this very round, as the sealer saw it, can it be opened
 * (SPEC M6.2).
 *
 * @throws ProtocolError `unsafe-sum` for a round that has no helper.
 */
export async function sealSeed(
  seed: Uint8Array<ArrayBuffer>,
  round: PrivateRound,
  { device, organisation, participant, sign, vouch }: Sealer,
): Promise<SealedSeed> {
  if (round.helper === null) throw unsafe("the round has no helper to seal a seed for");
  const hpke = suite();
  const recipientPublicKey = await hpke.kem.deserializePublicKey(hexToBytes(round.helper));
  const { ct, enc } = await hpke.seal(
    { recipientPublicKey, info: infoOf(round) },
    seed,
    associated(participant, device),
  );
  const unsigned = {
    participant,
    device,
    organisation,
    vouch,
    encapsulated: bytesToHex(new Uint8Array(enc)),
    sealed: bytesToHex(new Uint8Array(ct)),
  };
  return { ...unsigned, signature: await sign(sealedSeedBytes(round, unsigned)) };
}

/**
 * Opens a seed.
 *
 * @throws ProtocolError `unsafe-sum` where it was sealed under another round, for another participant or
 *   for another helper.
 */
export async function openSeed(
  { device, encapsulated, participant, sealed }: SealedSeed,
  round: PrivateRound,
  { privateKey }: HelperKeys,
): Promise<Uint8Array<ArrayBuffer>> {
  try {
    const opened = await suite().open(
      {
        recipientKey: privateKey,
        enc: hexToBytes(encapsulated),
        info: infoOf(round),
      },
      hexToBytes(sealed),
      associated(participant, device),
    );
    return new Uint8Array(opened);
  } catch {
    throw unsafe(
      `the seed of ${participant} does not open: it was sealed under another round, student or configuration, or for another helper`,
    );
  }
}

/**
 * Checks, without opening it, that somebody who is vouched for sealed a seed under this very round (SPEC
 * M6.4).
 *
 * @throws ProtocolError `unsafe-sum`.
 */
export async function requireSeal(seed: SealedSeed, round: PrivateRound): Promise<void> {
  if (!(await isVouchedFor(seed, round.campaign, round.organisations))) {
    throw unsafe(`no organisation that the campaign pins vouches for ${seed.participant}`);
  }
  if (await isSignedBy(seed.device, seed.signature, sealedSeedBytes(round, seed))) return;
  throw unsafe(
    `${seed.participant} did not sign its seed under this round, student and configuration`,
  );
}

/** What the device signs: all of it, under the round that it saw (SPEC M6.3). */
export function sealedSeedBytes(
  round: PrivateRound,
  seed: Omit<SealedSeed, "signature">,
): Uint8Array<ArrayBuffer> {
  const digest = sha256(utf8ToBytes(canonicalJson({ ...seed, signature: undefined })));
  return signedLines(["scour/sealed-seed/v1", roundDigest(round), digest]);
}

function infoOf(round: PrivateRound): Uint8Array<ArrayBuffer> {
  return signedLines(["scour/seed/v1", roundDigest(round)]);
}

function associated(participant: string, device: string): Uint8Array<ArrayBuffer> {
  return signedLines([participant, device]);
}
