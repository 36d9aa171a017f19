/** A key as the platform holds it; its bytes may be out of reach. */
export type PlatformKey = object;

type Bytes = Uint8Array<ArrayBuffer>;

/** As much of WebCrypto (W3C) as is used here: browsers, Workers and Node all have it. */
interface Subtle {
  importKey(
    format: "raw",
    bytes: Bytes,
    algorithm: { readonly name: string },
    extractable: boolean,
    usages: readonly string[],
  ): Promise<PlatformKey>;
  encrypt(
    algorithm: { readonly name: string; readonly counter: Bytes; readonly length: number },
    key: PlatformKey,
    bytes: Bytes,
  ): Promise<ArrayBuffer>;
  verify(
    algorithm: { readonly name: string },
    key: PlatformKey,
    signature: Bytes,
    bytes: Bytes,
  ): Promise<boolean>;
}

/**
 * The platform's cryptography.
 *
 * @throws Error in a page that did not come over HTTPS, from which browsers keep it.
 */
export function subtleCrypto(): Subtle {
  const crypto = Reflect.get(globalThis, "crypto") as { readonly subtle?: Subtle };
  if (crypto.subtle !== undefined) return crypto.subtle;
  throw new Error("browsers give cryptography to pages that come over HTTPS alone");
}
