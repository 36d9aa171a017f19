/** Bits of a masked word: 16 for weights, 32 for what must be finer (SPEC M2.1). */
export type WordBits = 16 | 32;

/** Numbers modulo 2¹⁶ or 2³²; in memory as on the wire, little-endian. */
export type Words = Uint16Array<ArrayBuffer> | Uint32Array<ArrayBuffer>;

/** So many zeros. */
export function zeroWords(bits: WordBits, count: number): Words {
  return bits === 16 ? new Uint16Array(count) : new Uint32Array(count);
}

/** Bytes that so many words take. */
export function wordBytes(bits: WordBits, count: number): number {
  return (bits / 8) * count;
}

/**
 * Words that bytes hold, without a copy where they lie at a multiple of their size.
 *
 * @throws RangeError for a length that is no multiple of a word's.
 */
export function wordsOf(bits: WordBits, bytes: Uint8Array<ArrayBuffer>): Words {
  const size = bits / 8;
  if (bytes.length % size !== 0) {
    throw new RangeError(`${bytes.length} bytes are no whole number of ${bits}-bit words`);
  }
  const { buffer, byteOffset } = bytes.byteOffset % size === 0 ? bytes : bytes.slice();
  const count = bytes.length / size;
  return bits === 16
    ? new Uint16Array(buffer, byteOffset, count)
    : new Uint32Array(buffer, byteOffset, count);
}

/** The bytes that words are. */
export function bytesOfWords({ buffer, byteLength, byteOffset }: Words): Uint8Array<ArrayBuffer> {
  return new Uint8Array(buffer, byteOffset, byteLength);
}

/** sum ← sum + words, modulo 2^b. @throws RangeError for another number or size of words. */
export function addWords(sum: Words, words: Words): void {
  requireAlike(sum, words);
  for (let i = 0; i < sum.length; i++) sum[i]! += words[i]!;
}

/** sum ← sum − words, modulo 2^b. @throws RangeError for another number or size of words. */
export function subtractWords(sum: Words, words: Words): void {
  requireAlike(sum, words);
  for (let i = 0; i < sum.length; i++) sum[i]! -= words[i]!;
}

function requireAlike(sum: Words, words: Words): void {
  if (sum.length === words.length && sum.BYTES_PER_ELEMENT === words.BYTES_PER_ELEMENT) return;
  throw new RangeError(
    `${words.length} words of ${words.BYTES_PER_ELEMENT} bytes do not go with ${sum.length} of ${sum.BYTES_PER_ELEMENT}`,
  );
}
