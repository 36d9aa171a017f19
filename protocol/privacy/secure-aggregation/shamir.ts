import { Field } from "@noble/curves/abstract/modular.js";
import { bytesToNumberBE, numberToBytesBE } from "@noble/curves/utils.js";

/** The smallest prime above 2²⁵⁶: every secret of 32 bytes is a number below it. */
const PRIME = 2n ** 256n + 297n;

const FIELD = Field(PRIME);

export const SECRET_BYTES = 32;

/** A share is a number of the field, which takes a byte more than a secret. */
export const SHARE_BYTES = 33;

/** Bytes from which a uniform number is taken: 2⁻¹²⁸ from uniform. */
const DRAWN_BYTES = 48;

/** One point of the polynomial that a secret is the beginning of. */
export interface Share {
  /** Above 0: the holder's place in the roster, from 1. */
  readonly x: number;
  /** 33 bytes. */
  readonly y: Uint8Array;
}

/**
 * Shares of a secret of which any `threshold` rebuild it and fewer say nothing (Shamir 1979), over the
 * integers modulo 2²⁵⁶ + 297 with uniform coefficients.
 *
 * @param secret 32 bytes
 * @param holders shares to make, for x = 1 to so many
 * @param randomBytes of a generator for keys
 * @throws RangeError for a secret of another length, or a threshold beyond the holders.
 *
 * @example
 * const shares = shareSecret(key, { threshold: 3, holders: 4 }, randomBytes);
 */
export function shareSecret(
  secret: Uint8Array,
  { holders, threshold }: { readonly holders: number; readonly threshold: number },
  randomBytes: (length: number) => Uint8Array,
): Share[] {
  if (secret.length !== SECRET_BYTES) {
    throw new RangeError(`a secret has ${SECRET_BYTES} bytes, not ${secret.length}`);
  }
  if (!(threshold >= 1 && threshold <= holders)) {
    throw new RangeError(`${threshold} of ${holders} holders is no threshold`);
  }
  const coefficients = [bytesToNumberBE(secret)];
  while (coefficients.length < threshold) {
    coefficients.push(FIELD.create(bytesToNumberBE(randomBytes(DRAWN_BYTES))));
  }
  return Array.from({ length: holders }, (_, i) => {
    const x = BigInt(i + 1);
    const y = coefficients.reduceRight((sum, one) => FIELD.add(FIELD.mul(sum, x), one), 0n);
    return { x: i + 1, y: numberToBytesBE(y, SHARE_BYTES) };
  });
}

/**
 * The secret that exactly a threshold of shares give (Lagrange's polynomial at 0); of wrong ones
 * something else, so that what is rebuilt is compared with what is known of it.
 *
 * @returns undefined where the shares are of no secret: two of one holder, or what is no number of the field.
 */
export function rebuildSecret(shares: readonly Share[]): Uint8Array<ArrayBuffer> | undefined {
  const points = shares.map(({ x, y }) => ({ x: BigInt(x), y: bytesToNumberBE(y) }));
  if (new Set(points.map(({ x }) => x)).size !== points.length) return undefined;
  if (points.some(({ y }) => y >= PRIME)) return undefined;
  let secret = 0n;
  for (const { x, y } of points) {
    let numerator = 1n;
    let denominator = 1n;
    for (const { x: other } of points) {
      if (other === x) continue;
      numerator = FIELD.mul(numerator, other);
      denominator = FIELD.mul(denominator, FIELD.sub(other, x));
    }
    secret = FIELD.add(secret, FIELD.mul(y, FIELD.div(numerator, denominator)));
  }
  if (secret >> 256n !== 0n) return undefined;
  return numberToBytesBE(secret, SECRET_BYTES) as Uint8Array<ArrayBuffer>;
}
